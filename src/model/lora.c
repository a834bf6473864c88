/* Low-rank adapters; see lora.h. */
#include "model/lora.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "model/merged.h"
#include "model/quantize.h"

enum { CONFIG_MAX_BYTES = 1 << 20 };

/* ---- adapter_config.json ---- */

/* Keys that change what an adapter does, and the values that leave it as we compute it. */
static thorax_status check_kind(const json_t *c, const char *path, thorax_error *err)
{
    static const char *const off[] = { "fan_in_fan_out", "use_dora", "modules_to_save", "rank_pattern", "alpha_pattern" };
    const char              *type = json_string_value(json_object_get(c, "peft_type"));
    const char              *bias = json_string_value(json_object_get(c, "bias"));

    if (!type || strcmp(type, "LORA"))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: peft_type: expected LORA, found '%.40s'", path, type ? type : "");
    if (bias && strcmp(bias, "none"))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: bias: expected none, found '%.40s'", path, bias);
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        const json_t *v = json_object_get(c, off[i]);

        if (!v || json_is_null(v) || json_is_false(v) || (json_is_object(v) && !json_object_size(v))) continue;
        return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: adapters of this kind are not known", path, off[i]);
    }
    return THORAX_OK;
}

static void read_targets(thx_lora *out, const json_t *c)
{
    const json_t *list = json_object_get(c, "target_modules"), *picked = json_object_get(c, "layers_to_transform"), *name;
    const size_t  most = sizeof out->targets / sizeof out->targets[0];
    size_t        i;

    if (!json_is_array(list) || (picked && !json_is_null(picked))) return;
    json_array_foreach(list, i, name)
    {
        if (!json_is_string(name) || out->n_targets == most) continue;
        snprintf(out->targets[out->n_targets++], sizeof out->targets[0], "%s", json_string_value(name));
    }
}

bool thx_lora_targets(const thx_lora *lora, const char *full)
{
    const char *dot = strrchr(full, '.'), *module = dot ? dot + 1 : full;

    for (size_t i = 0; lora && i < lora->n_targets; i++)
        if (!strcmp(lora->targets[i], module)) return true;
    return false;
}

thorax_status thx_lora_read(thx_lora *out, const char *folder, thorax_error *err)
{
    char         *path = thx_path_join(folder, THX_ADAPTER_CONFIG);
    json_t       *c = NULL;
    double        alpha;
    bool          rooted;
    thorax_status st = path ? thx_json_read(&c, path, CONFIG_MAX_BYTES, err) : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    *out = (thx_lora){ .folder = folder };
    if (!st) st = check_kind(c, path, err);
    if (!st) st = thx_json_size(&out->R, c, "r", 8, 1, 65536, path, err);
    if (!st) st = thx_json_real(&alpha, c, "lora_alpha", 8, -1e9, 1e9, path, err);
    if (!st) st = thx_json_flag(&rooted, c, "use_rslora", false, path, err);
    if (!st) read_targets(out, c);
    if (!st) out->scale = alpha / (rooted ? sqrt((double)out->R) : (double)out->R);
    if (!st && out->scale == 0.0) st = thx_fail(err, THORAX_FORMAT, 0, "%s: lora_alpha 0: the adapter adds nothing", path);
    json_decref(c);
    free(path);
    return st;
}

/* ---- One pair ---- */

typedef struct pair {
    char            names[2][160]; /* A, B */
    char            cached[176];   /* the merged matrix's, where a file holds it */
    const thx_view *w, *a, *b;
} pair;

static void name_pair(pair *p, const char *full)
{
    snprintf(p->names[0], sizeof p->names[0], "%s.lora_A", full);
    snprintf(p->names[1], sizeof p->names[1], "%s.lora_B", full);
}

bool thx_lora_has(const thx_lora *lora, const char *full)
{
    pair p;

    if (!lora) return false;
    name_pair(&p, full);
    return thx_binder_has(lora->binder, p.names[0]) || thx_binder_has(lora->binder, p.names[1]);
}

/* "base_model.model.<full>.lora_A.weight" for "<full>.weight", with or without the adapter's name in it. */
static const thx_view *find_half(const thx_weights *w, const char *matrix, char half)
{
    static const char *const ends[] = { ".weight", ".default.weight" };
    const size_t             n = strlen(matrix), full = n > 7 && !strcmp(matrix + n - 7, ".weight") ? n - 7 : 0;
    const thx_view          *found = NULL;
    char                     name[320];

    for (size_t i = 0; i < 2 && full && !found; i++) {
        snprintf(name, sizeof name, "base_model.model.%.*s.lora_%c%s", (int)full, matrix, half, ends[i]);
        found = thx_weights_find(w, name);
    }
    return found;
}

bool thx_lora_pair(const thx_weights *w, const thx_view *matrix, const thx_view **a, const thx_view **b)
{
    *a = find_half(w, matrix->name, 'A');
    *b = find_half(w, matrix->name, 'B');
    return *a && *b;
}

bool thx_lora_is_part(const char *stored) { return strstr(stored, ".lora_A.") || strstr(stored, ".lora_B."); }

static bool is_matrix(const thx_view *v, size_t N, size_t K)
{
    return v && v->rank == 2 && v->shape[0] == N && v->shape[1] == K &&
           (v->type == THX_F32 || v->type == THX_F16 || v->type == THX_BF16);
}

static thorax_status find_pair(pair *p, const thx_lora *l, const char *full, size_t N, size_t K, thorax_error *err)
{
    char name[160];

    name_pair(p, full);
    snprintf(name, sizeof name, "%s.weight", full);
    snprintf(p->cached, sizeof p->cached, THX_MERGED "%s", name);
    p->w = thx_binder_view(l->binder, name);
    p->a = thx_binder_view(l->binder, p->names[0]);
    p->b = thx_binder_view(l->binder, p->names[1]);
    if (!p->a || !p->b)
        return thx_fail(err, THORAX_MODEL, 0, "%s: the adapter of '%s' has %s alone", l->folder, full, p->a ? "lora_A" : "lora_B");
    if (!is_matrix(p->a, l->R, K) || !is_matrix(p->b, N, l->R))
        return thx_fail(err, THORAX_MODEL, 0,
                        "%s: the adapter of '%s' does not fit: expected lora_A [%zu, %zu] and lora_B [%zu, %zu], found [%llu, "
                        "%llu] and [%llu, %llu]",
                        l->folder, full, l->R, K, N, l->R, (unsigned long long)p->a->shape[0],
                        (unsigned long long)p->a->shape[1], (unsigned long long)p->b->shape[0],
                        (unsigned long long)p->b->shape[1]);
    return THORAX_OK;
}

static float value_at(const thx_view *v, size_t i)
{
    const unsigned char *p = v->data;
    uint16_t             h;
    float                f;

    if (v->type == THX_F32) {
        memcpy(&f, p + 4 * i, sizeof f);
        return f;
    }
    memcpy(&h, p + 2 * i, sizeof h);
    return v->type == THX_F16 ? thx_f32_from_f16(h) : thx_f32_from_bf16(h);
}

static float *widened(const thx_view *v)
{
    float *out = malloc((v->count ? v->count : 1) * sizeof *out);

    for (size_t i = 0; out && i < v->count; i++) out[i] = value_at(v, i);
    return out;
}

/* gram[i][j] = sum of x_i · x_j of R vectors of n values, element t of vector i at x[i * step + t * apart]. */
static void gram(double *out, const float *x, size_t R, size_t n, size_t step, size_t apart)
{
    for (size_t i = 0; i < R; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t t = 0; t < n; t++) sum += (double)x[i * step + t * apart] * (double)x[j * step + t * apart];
            out[i * R + j] = out[j * R + i] = sum;
        }
}

/* scale * ||B·A||: by the products of B's columns and of A's rows; NaN without memory. */
static double pair_norm(const thx_lora *l, const pair *p, size_t N, size_t K)
{
    const size_t R = l->R;
    float       *a = widened(p->a), *b = widened(p->b);
    double      *grams = malloc(2 * R * R * sizeof *grams), sum = 0.0;

    if (a && b && grams) {
        gram(grams, a, R, K, K, 1);
        gram(grams + R * R, b, R, N, 1, R);
        for (size_t i = 0; i < R * R; i++) sum += grams[i] * grams[R * R + i];
    } else sum = NAN;
    free(a);
    free(b);
    free(grams);
    return fabs(l->scale) * sqrt(sum > 0.0 || isnan(sum) ? sum : 0.0);
}

static bool all_zero(const thx_view *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (value_at(v, i) != 0.0f) return false;
    return true;
}

/* ---- Merging ---- */

static thorax_status check_limit(const thx_lora *l, const thx_model *m, uint64_t more, thorax_error *err)
{
    const uint64_t limit = m->options.mem_limit_bytes;

    if (!limit || m->merged_bytes + more <= limit) return THORAX_OK;
    return thx_fail(err, THORAX_NOMEM, 0,
                    "%s: the merged matrices take more than the %llu MiB of --mem-limit; --lora keep leaves them as they are "
                    "stored, --merged-cache DIR maps them from a file",
                    l->folder, (unsigned long long)(limit >> 20));
}

/* From the cache: mapped. */
static thorax_status bind_cached(thx_binder *b, thx_dense *out, const char *full, size_t N, size_t K, thorax_error *err)
{
    char name[160];

    snprintf(name, sizeof name, "%s.weight", full);
    const thorax_status st = thx_bind_named(b, &out->w, THX_MERGED, name, N, K, err);
    return st ? st : thx_binder_merged(b, name, 0.0, err);
}

static thorax_status bind_merged(thx_lora *l, thx_binder *b, thx_dense *out, const pair *p, const char *full, thorax_error *err)
{
    thx_model     *m = thx_binder_model(b);
    const bool     mapped = thx_type_grouped(thx_quantized_type(m, p->w)) || m->options.merged_cache;
    const uint64_t bytes = mapped ? 0 : thx_view_bytes(p->w);
    thorax_status  st = check_limit(l, m, bytes, err);

    if (!st && m->options.plan_only) st = thx_bind_named(b, &out->w, full, ".weight", p->w->shape[0], p->w->shape[1], err);
    else if (!st) st = thx_bind_merged(b, &out->w, p->w, p->a, p->b, (float)l->scale, err);
    m->merged_bytes += st ? 0 : bytes;
    return st;
}

/* ---- Apart ---- */

/* The scale as a vector as long as the widest matrix. */
static thorax_status bind_scale(thx_lora *l, thx_binder *b, thx_dense *out, size_t N, thorax_error *err)
{
    if (N > l->n_scales) {
        thx_model     *m = thx_binder_model(b);
        float         *values = thx_arena_alloc(m->arena, N, sizeof *values);
        const thx_view view = { .name = "lora_alpha / r", .data = values, .type = THX_F32, .rank = 1, .shape = { N }, .count = N };

        if (!values) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
        for (size_t i = 0; i < N; i++) values[i] = (float)l->scale;
        const thorax_status st = thx_bind_vector(b, &l->scales, &view, err);
        if (st) return st;
        l->n_scales = N;
    }
    out->scale = l->scales;
    return THORAX_OK;
}

static thorax_status bind_apart(thx_lora *l, thx_binder *b, thx_dense *out, const pair *p, const char *full, size_t N, size_t K,
                                thorax_error *err)
{
    thorax_status st = thx_bind_named(b, &out->w, full, ".weight", N, K, err);

    if (!st) st = thx_bind_named(b, &out->down, p->names[0], "", l->R, K, err);
    if (!st) st = thx_bind_named(b, &out->up, p->names[1], "", N, l->R, err);
    out->R = l->R;
    return st ? st : bind_scale(l, b, out, N, err);
}

/* ---- */

/* For an account: the pair with its norm, the matrix it goes into. */
static thorax_status account_pair(thx_lora *l, thx_binder *b, const pair *p, thx_dense *out, const char *full, size_t N, size_t K,
                                  thorax_error *err)
{
    const double  norm = pair_norm(l, p, N, K);
    thorax_status st = thx_bind_named(b, &out->w, full, ".weight", N, K, err);

    for (int i = 0; i < 2 && !st; i++) st = thx_binder_merged(b, p->names[i], norm, err);
    return st;
}

thorax_status thx_lora_bind(thx_lora *l, thx_binder *b, thx_dense *out, const char *full, size_t N, size_t K, thorax_error *err)
{
    pair          p;
    thorax_status st = find_pair(&p, l, full, N, K, err);

    if (st) return st;
    if (all_zero(p.a) || all_zero(p.b))
        return thx_fail(err, THORAX_MODEL, 0, "%s: the adapter of '%s' is all zeros: it would not take effect", l->folder, full);
    l->pairs++;
    if (thx_binder_accounts(b)) return account_pair(l, b, &p, out, full, N, K, err);
    if (l->use == THX_LORA_KEEP) return bind_apart(l, b, out, &p, full, N, K, err);
    if (l->use == THX_LORA_OFF || !is_matrix(p.w, N, K)) st = thx_bind_named(b, &out->w, full, ".weight", N, K, err);
    else if (thx_binder_has(b, p.cached)) st = bind_cached(b, out, full, N, K, err);
    else st = bind_merged(l, b, out, &p, full, err);
    for (int i = 0; i < 2 && !st; i++) st = thx_binder_merged(b, p.names[i], 0.0, err);
    return st;
}

thorax_status thx_lora_plain(thx_model *m, thorax_error *err)
{
    const size_t       n = m->decoder.config.layers;
    thx_decoder_layer *layers = thx_arena_alloc(m->arena, n, sizeof *layers);

    if (!layers) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    m->plain = m->decoder;
    m->plain.layers = layers;
    for (size_t i = 0; i < n; i++) {
        thx_decoder_layer *l = &layers[i];
        thx_dense *const   all[] = { &l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down };

        *l = m->decoder.layers[i];
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++) all[j]->down = NULL;
    }
    return THORAX_OK;
}

thorax_status thx_lora_end(const thx_lora *l, size_t stored, thorax_error *err)
{
    if (2 * l->pairs == stored) return THORAX_OK;
    return thx_fail(err, THORAX_MODEL, 0, "%s: of %zu tensors of the adapter %zu meet a matrix of the language model: the others would not "
                    "take effect", l->folder, stored, 2 * l->pairs);
}
