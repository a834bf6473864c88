/* radvlm-resize: resize.json, pictures [H, W, 3] or [H, W] and Pillow's result, exact. */
#include "golden.h"

#include "base/hash.h"
#include "base/npy.h"
#include "film/film.h"

#include <string.h>

/* The array as a picture that borrows its bytes; false when it is none. */
static bool as_picture(thx_picture *p, const thx_npy *a)
{
    *p = (thx_picture){ (uint32_t)a->shape[1], (uint32_t)a->shape[0],
                        a->rank == 3 ? (uint32_t)a->shape[2] : 1, a->data };
    return !strcmp(a->type, "u1") && (a->rank == 2 || a->rank == 3);
}

static void check_case(golden *g, const json_t *c, const char *filter)
{
    const char   *name = golden_text(c, "name");
    thx_npy       in = { 0 }, want = { 0 };
    thx_picture   from, to, got = { 0 };
    thorax_error  err = { 0 };
    char          hex[65] = "";
    size_t        differ = 0;

    thorax_status st = thx_npy_read(&in, golden_path(g, golden_text(c, "in_file")), &err);
    if (!st) st = thx_npy_read(&want, golden_path(g, golden_text(c, "out_file")), &err);
    const bool known = !st && as_picture(&from, &in) && as_picture(&to, &want);
    if (known)
        st = thx_picture_resize(&got, &from, to.width, to.height,
                                strcmp(filter, "LANCZOS") ? THX_BICUBIC : THX_LANCZOS, &err);
    if (!known || st) {
        golden_check(g, false, name, "%s", st ? err.text : "not two pictures of bytes");
    } else {
        for (size_t i = 0; i < want.count; i++) differ += got.data[i] != to.data[i];
        thx_sha256_of(got.data, want.count, hex);
        golden_check(g, !differ && !strcmp(hex, golden_text(c, "sha256")), name,
                     "%ux%u to %ux%u, %zu of %zu bytes differ", from.width, from.height, to.width,
                     to.height, differ, want.count);
    }
    thx_picture_deinit(&got);
    thx_npy_deinit(&in);
    thx_npy_deinit(&want);
}

void golden_resize(golden *g)
{
    json_t       *root = golden_json(g, "resize.json");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(root, "cases"), i, c) {
        const char *own = golden_text(c, "filter");
        check_case(g, c, *own ? own : golden_text(root, "filter"));
    }
    json_decref(root);
}
