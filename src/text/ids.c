/* A list of ids that grows; see text.h. */
#include "text/text.h"

#include <stdlib.h>

void thx_ids_add(thx_ids *ids, int32_t id)
{
    if (ids->failed) return;
    if (ids->size == ids->room) {
        const size_t room = ids->room ? 2 * ids->room : 64;
        int32_t *data =
            room > SIZE_MAX / sizeof *data ? NULL : realloc(ids->data, room * sizeof *data);
        if (!data) {
            ids->failed = true;
            return;
        }
        ids->data = data;
        ids->room = room;
    }
    ids->data[ids->size++] = id;
}

void thx_ids_deinit(thx_ids *ids)
{
    free(ids->data);
    *ids = (thx_ids){ 0 };
}
