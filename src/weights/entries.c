/* See entries.h. */
#include "weights/entries.h"

#include <stdlib.h>
#include <string.h>

thx_entry *thx_entry_add(thx_entries *list)
{
    if (list->count == list->room) {
        const size_t room = list->room ? list->room * 2 : 256;
        thx_entry *at = realloc(list->at, room * sizeof *at);

        if (!at) return NULL;
        list->at = at;
        list->room = room;
    }
    thx_entry *e = &list->at[list->count++];
    *e = (thx_entry){ 0 };
    return e;
}

static int by_offset(const void *a, const void *b)
{
    const thx_entry *x = a, *y = b;

    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->view.name, y->view.name);
}

void thx_entries_sort(thx_entry *entries, size_t count)
{
    if (count) qsort(entries, count, sizeof *entries, by_offset);
}
