/* thorax inspect weights: the tensors of a file or folder, one a line. */
#include "base/file.h"
#include "base/hash.h"
#include "cli/inspect.h"
#include "weights/weights.h"

#include <string.h>

enum { CHUNK = 16 << 20 }; /* between two looks at Ctrl-C */

/* Hashes a tensor's bytes; false when Ctrl-C was pressed. */
static bool hash_view(char hex[65], const thx_view *view, cli_progress *p, uint64_t *done,
                      uint64_t total)
{
    const unsigned char *data = view->data;
    size_t left = thx_view_bytes(view);
    thx_sha256 h;

    thx_sha256_init(&h);
    while (left) {
        const size_t n = left < CHUNK ? left : CHUNK;
        thx_sha256_add(&h, data, n);
        data += n;
        left -= n;
        *done += n;
        if (!cli_progress_step(p, "tensors", (size_t)*done, (size_t)total)) return false;
    }
    thx_sha256_end(&h, hex);
    return true;
}

static json_t *view_json(const thx_view *view, const char *dtype, const char *hex)
{
    json_t *shape = json_array();

    for (uint32_t i = 0; i < view->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)view->shape[i]));
    return json_pack("{s:o, s:s, s:o, s:s}", "name", cli_json_text(view->name, strlen(view->name)),
                     "dtype", dtype, "shape", shape, "sha256", hex);
}

static int print_all(const cli_values *v, const thx_weights *w)
{
    const uint64_t total = thx_weights_bytes(w);
    uint64_t done = 0;
    cli_progress p;
    int code = CLI_OK;

    cli_progress_init(&p, cli_switch(v, CLI_QUIET));
    for (size_t i = 0; !code && i < thx_weights_count(w); i++) {
        char hex[65];
        const thx_view *view = thx_weights_at(w, i);
        const bool done_well = hash_view(hex, view, &p, &done, total);
        cli_progress_clear(&p);
        code = done_well ? cli_print_json(v, view_json(view, thx_weights_dtype(w, i), hex))
                         : cli_fail_text(v, CLI_INTERRUPTED, "interrupted");
    }
    return code;
}

int cli_inspect_weights(const cli_values *v)
{
    thx_weights *w;
    thorax_error err;

    if (!cli_operands(v, 1, false, "a weights file or a model folder")) return CLI_USAGE;
    const char *path = v->operands[0];
    if (thx_weights_open(&w, path, &err)) {
        const bool there = thx_file_exists(path) || thx_is_folder(path);
        if (there && err.status != THORAX_NOMEM)
            err.status = THORAX_MODEL; /* it is there, and refused */
        return cli_fail(v, &err);
    }
    const int code = print_all(v, w);
    thx_weights_close(w);
    return code;
}
