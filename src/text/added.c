/* Added tokens; see added.h. */
#include "text/added.h"

#include <stdlib.h>
#include <string.h>

void thx_added_deinit(thx_added *a)
{
    free(a->nodes);
    *a = (thx_added){ 0 };
}

/* The child of a node by its byte; 0 when there is none (the root is nobody's child). */
static uint32_t child_of(const thx_added *a, uint32_t node, unsigned char byte)
{
    uint32_t c = a->nodes[node].child;
    while (c && a->nodes[c].byte != byte) c = a->nodes[c].next;
    return c;
}

static bool reserve(thx_added *a, size_t more)
{
    size_t room = a->room ? a->room : 64;

    while (room < a->n + more) room *= 2;
    if (room > a->room) {
        thx_added_node *nodes = room > UINT32_MAX ? NULL : realloc(a->nodes, room * sizeof *nodes);
        if (!nodes) return false;
        a->nodes = nodes;
        a->room = room;
    }
    if (!a->n) a->nodes[a->n++] = (thx_added_node){ .id = -1 };
    return true;
}

thorax_status thx_added_add(thx_added *a, const char *token, size_t size, int32_t id,
                            thorax_error *err)
{
    uint32_t node = 0;

    if (size > THX_ADDED_MAX_BYTES)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "added token %d has %zu bytes, at most 256 are taken", id, size);
    if (!reserve(a, size + 1)) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)token[i];
        uint32_t c = child_of(a, node, byte);
        if (!c) {
            c = (uint32_t)a->n++;
            a->nodes[c] = (thx_added_node){ .id = -1, .next = a->nodes[node].child, .byte = byte };
            a->nodes[node].child = c;
        }
        node = c;
    }
    if (a->nodes[node].id >= 0 && a->nodes[node].id != id)
        return thx_fail(err, THORAX_FORMAT, 0, "added tokens %d and %d are the same string",
                        a->nodes[node].id, id);
    if (size) a->nodes[node].id = id;
    return THORAX_OK;
}

int32_t thx_added_find(const thx_added *a, const char *token, size_t size)
{
    uint32_t node = 0;

    if (!a->n) return -1;
    for (size_t i = 0; i < size; i++)
        if (!(node = child_of(a, node, (unsigned char)token[i]))) return -1;
    return a->nodes[node].id;
}

int32_t thx_added_next(const thx_added *a, const char *text, size_t size, size_t at, size_t *begin,
                       size_t *end)
{
    for (; a->n && at < size; at++) {
        int32_t id = -1;
        uint32_t node = child_of(a, 0, (unsigned char)text[at]);
        for (size_t i = at; node;) {
            i++;
            if (a->nodes[node].id >= 0) {
                id = a->nodes[node].id;
                *begin = at;
                *end = i;
            }
            node = i < size ? child_of(a, node, (unsigned char)text[i]) : 0;
        }
        if (id >= 0) return id;
    }
    return -1;
}
