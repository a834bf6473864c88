/* Graphs in JSON: refused, or such that they are written and read again as they are, and share everything with
 * themselves. */
#include "metrics/radgraph.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const thx_radgraph *g)
{
    json_t         *written = thx_radgraph_json(g);
    thx_radgraph    again;
    thx_radgraph_f1 f1;
    thx_f1         p[THX_RADGRAPH_LEVELS];

    if (!written || thx_radgraph_read(&again, written, "written", NULL)) abort();
    if (again.n != g->n) abort();
    for (int rule = 0; rule < 2; rule++) {
        if (thx_radgraph_reward(p, g, &again, (thx_radgraph_case)rule, NULL)) abort();
        for (int i = 0; g->n && i < THX_RADGRAPH_LEVELS; i++)
            if (p[i].f1 != 1) abort();
    }
    if (thx_radgraph_combined(&f1, g, &again, NULL) || (g->n && f1.entities != 1)) abort();
    thx_radgraph_deinit(&again);
    json_decref(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t      *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    thx_radgraph g;

    if (root && !thx_radgraph_read(&g, root, "input", NULL)) {
        use(&g);
        thx_radgraph_deinit(&g);
    }
    json_decref(root);
    return 0;
}
