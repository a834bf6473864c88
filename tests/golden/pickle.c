/* llavarad-pickle: expect.json, good, odd and hostile PyTorch files. A good one opens with the tensors told, a bad
 * one is refused with a text, an odd one may be either. */
#include "golden.h"

#include "base/hash.h"
#include "weights/weights.h"

#include <string.h>

/* What torch calls a type. */
static const char *torch_type(thx_type type)
{
    static const char *const names[THX_TYPES] = {
        [THX_F32] = "float32", [THX_F16] = "float16", [THX_BF16] = "bfloat16", [THX_F64] = "float64",
        [THX_I64] = "int64",   [THX_I32] = "int32",   [THX_I16] = "int16",     [THX_I8] = "int8",
        [THX_U8] = "uint8",    [THX_BOOL] = "bool",
    };

    return type < THX_TYPES && names[type] ? names[type] : "?";
}

static bool same_shape(const thx_view *v, const json_t *shape)
{
    bool same = json_array_size(shape) == v->rank;

    for (uint32_t i = 0; same && i < v->rank; i++)
        same = (uint64_t)json_integer_value(json_array_get(shape, i)) == v->shape[i];
    return same;
}

/* The first tensor that is not as told; NULL where all are. */
static const char *first_wrong(const thx_weights *w, json_t *tensors)
{
    const char *name;
    json_t     *want;

    if (thx_weights_count(w) != json_object_size(tensors)) return "(another number of tensors)";
    json_object_foreach(tensors, name, want) {
        const thx_view *v = thx_weights_find(w, name);
        char            hex[65];

        if (!v || !same_shape(v, json_object_get(want, "shape")) ||
            strcmp(torch_type(v->type), golden_text(want, "dtype")))
            return name;
        thx_sha256_of(v->data, thx_view_bytes(v), hex);
        if (strcmp(hex, golden_text(want, "sha256"))) return name;
    }
    return NULL;
}

static void check_file(golden *g, const char *name, const json_t *c)
{
    const char  *expect = golden_text(c, "expect");
    thorax_error err = { 0 };
    thx_weights *w = NULL;

    const thorax_status st = thx_weights_open(&w, golden_path(g, name), &err);
    if (st) {
        golden_check(g, strcmp(expect, "ok") && st != THORAX_NOMEM && st != THORAX_IO && *err.text, name,
                     "(%s) refused: %s", expect, err.text);
        return;
    }
    const char *wrong = first_wrong(w, json_object_get(c, "tensors"));
    golden_check(g, strcmp(expect, "refuse") && !wrong, name, "(%s) opened, %s%s", expect,
                 wrong ? "wrong: " : "all tensors as told", wrong ? wrong : "");
    thx_weights_close(w);
}

void golden_pickle(golden *g)
{
    json_t     *root = golden_json(g, "expect.json"), *c;
    const char *name;

    json_object_foreach(root, name, c) check_file(g, name, c);
    json_decref(root);
}
