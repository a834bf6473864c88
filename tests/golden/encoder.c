/* Text encoders: ids, hidden rows of every layer and pooled rows against the original's. */
#include "golden.h"

#include "base/file.h"
#include "base/npy.h"
#include "model/text_encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LIMIT = 2e-5; /* of the peak of the same layer and text */

/* Texts of a set, and what our encoder makes of them. */
typedef struct set {
    golden           *g;
    json_t           *root;
    const json_t     *cases;
    thx_ctx          *ctx;
    thx_text_encoder *e;
    thx_ids           ids;
    size_t           *ends, n;
    thorax_error      err;
} set;

/* ---- Ids ---- */

static bool same_ids(const thx_ids *ids, size_t first, const json_t *want)
{
    bool same = ids->size - first == json_array_size(want);

    for (size_t i = first; same && i < ids->size; i++)
        same = ids->data[i] == json_integer_value(json_array_get(want, i - first));
    return same;
}

static void check_ids(set *s)
{
    const char   *limit = "limit_tokens";
    const json_t *c;
    size_t        i;

    golden_check(s->g, thx_text_encoder_limit(s->e) == golden_number(s->root, limit), limit, "%zu",
                 thx_text_encoder_limit(s->e));
    json_array_foreach(s->cases, i, c) {
        const json_t *text = json_object_get(c, "text");
        const char   *bytes = json_string_value(text);
        const size_t  size = json_string_length(text), first = s->ids.size;
        thx_ids       whole = { 0 };
        thorax_status st = thx_text_encoder_ids(s->e, bytes, size, 0, true, &s->ids, &s->err);

        if (!st) st = thx_text_encoder_ids(s->e, bytes, size, SIZE_MAX, true, &whole, &s->err);
        golden_check(s->g,
                     !st && same_ids(&s->ids, first, json_object_get(c, "ids")) &&
                         whole.size == golden_number(c, "untruncated"),
                     golden_text(c, "id"), "ids, %zu of %zu", s->ids.size - first, whole.size);
        s->ends[i] = s->ids.size;
        thx_ids_deinit(&whole);
    }
}

/* ---- Rows ---- */

/* The largest difference over the peak; at least one row. */
static double distance(const float *got, const float *want, size_t n)
{
    double worst = 0, peak = 0;

    for (size_t i = 0; i < n; i++) {
        const double off = fabs((double)got[i] - want[i]);
        peak = fmax(peak, fabs((double)want[i]));
        if (!(off <= worst)) worst = off;
    }
    return worst / peak;
}

static bool read_rows(set *s, thx_npy *out, const char *key, size_t rank, const size_t *shape)
{
    const char *name = golden_text(s->root, key);

    if (thx_npy_read(out, golden_path(s->g, name), &s->err)) return golden_check(s->g, false, name, "%s", s->err.text);
    if (out->rank == rank && !memcmp(out->shape, shape, rank * sizeof *shape) && !strcmp(out->type, "f4")) return true;
    thx_npy_deinit(out);
    return golden_check(s->g, false, name, "another shape than the encoder's");
}

/* The worst text of each layer. */
static void check_layers(set *s, const char *what)
{
    const size_t T = s->ids.size, D = thx_text_encoder_width(s->e), levels = thx_text_encoder_levels(s->e);
    float       *got = malloc((levels * T * D + 1) * sizeof *got);
    thx_npy      want;

    if (!got || thx_text_encoder_every(s->e, s->ids.data, s->ends, s->n, got, &s->err)) {
        golden_check(s->g, false, what, "%s", s->err.text);
    } else if (read_rows(s, &want, "hidden", 3, (size_t[]){ levels, T, D })) {
        for (size_t l = 0; l < levels; l++) {
            double worst = 0;
            for (size_t i = 0; i < s->n; i++) {
                const size_t from = i ? s->ends[i - 1] : 0, at = (l * T + from) * D;
                const double d = distance(got + at, (const float *)want.data + at, (s->ends[i] - from) * D);
                if (!(d <= worst)) worst = d;
            }
            golden_check(s->g, worst <= LIMIT, what, "layer %zu: %.2g of the peak", l, worst);
        }
        thx_npy_deinit(&want);
    }
    free(got);
}

static void check_pooler(set *s)
{
    const size_t D = thx_text_encoder_width(s->e);
    float       *cls = malloc((2 * s->n * D + 1) * sizeof *cls), *pooled = cls + s->n * D;
    thx_npy      want;

    if (!cls ||
        thx_text_encoder_cls(s->e, s->ids.data, s->ends, s->n, thx_text_encoder_layers(s->e), true, cls, &s->err) ||
        !thx_text_encoder_has_pooler(s->e) || thx_text_encoder_pool(s->e, cls, s->n, pooled, &s->err)) {
        golden_check(s->g, false, "pooler", "%s", s->err.text);
    } else if (read_rows(s, &want, "pooler", 2, (size_t[]){ s->n, D })) {
        const double d = distance(pooled, want.data, s->n * D);
        golden_check(s->g, d <= LIMIT, "pooler", "%.2g of the peak", d);
        thx_npy_deinit(&want);
    }
    free(cls);
}

/* ---- Sets ---- */

static bool open_encoder(set *s, const char *weights)
{
    const thx_text_encoder_options o = { .weights = weights };
    const thorax_status            st =
        thx_text_encoder_open(&s->e, s->ctx, golden_path(s->g, golden_text(s->root, "model")), &o, &s->err);

    return !st || golden_check(s->g, false, "model", "%s", s->err.text);
}

/* The same tensors in the container of torch before 1.6. */
static void check_legacy(set *s)
{
    const char *folder = golden_path(s->g, "legacy");

    if (!thx_is_folder(folder)) return;
    thx_text_encoder_close(s->e);
    s->e = NULL;
    if (open_encoder(s, folder)) check_layers(s, "legacy");
}

void golden_encoder(golden *g)
{
    set s = { .g = g, .root = golden_json(g, "cases.json") };

    s.cases = json_object_get(s.root, "cases");
    s.n = json_array_size(s.cases);
    s.ends = calloc(s.n + 1, sizeof *s.ends);
    const bool opened = s.ends && s.root && !thx_cpu_open(&s.ctx, thx_cpu_level(), THX_EXACT, 0, &s.err);
    if (opened && open_encoder(&s, NULL)) {
        check_ids(&s);
        check_layers(&s, "hidden");
        if (*golden_text(s.root, "pooler")) check_pooler(&s);
        check_legacy(&s);
    }
    thx_text_encoder_close(s.e);
    thx_cpu_close(s.ctx);
    thx_ids_deinit(&s.ids);
    free(s.ends);
    json_decref(s.root);
}
