/* Folders of text encoders; see text_encoder.h. */
#include "model/text_encoder.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/text_encoder_config.h"
#include "text/config.h"

#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX_BYTES = 16 << 20, NAME_MAX_BYTES = 512 };

struct thx_text_encoder {
    thx_model    *model; /* folder, weights, tokenizer, everything made ready */
    thx_binder   *binder;
    thx_text_kind kind;
    thx_encoder   encoder;
    size_t        limit;
    thx_weight   *pool_w, *pool_b;
    unsigned char sum[64];   /* of the digests of what is bound, whatever the order */
    char          config[65]; /* digest */
};

/* ---- Names ---- */

/* BERT's first files call the parts of a norm gamma and beta. */
static bool canonical(char *out, size_t size, const char *stored)
{
    static const char *const old[][2] = { { ".gamma", ".weight" }, { ".beta", ".bias" } };
    const size_t             n = strlen(stored);

    for (size_t i = 0; i < 2; i++) {
        const size_t end = strlen(old[i][0]);
        if (n > end && !strcmp(stored + n - end, old[i][0]))
            return (size_t)snprintf(out, size, "%.*s%s", (int)(n - end), stored, old[i][1]) < size;
    }
    return (size_t)snprintf(out, size, "%s", stored) < size;
}

/* Bytes before `end` where `name` ends with it behind a dot or is it; SIZE_MAX elsewhere. */
static size_t before(const char *name, const char *end)
{
    const size_t n = strlen(name), k = strlen(end);

    return n >= k && !strcmp(name + n - k, end) && (n == k || name[n - k - 1] == '.') ? n - k : SIZE_MAX;
}

/* What stands before the names of the encoder's tensors: the shortest there is before the word embeddings. */
static thorax_status find_prefix(char out[NAME_MAX_BYTES], const thx_text_encoder *e, const char *words,
                                 thorax_error *err)
{
    char   end[NAME_MAX_BYTES];
    size_t shortest = SIZE_MAX;

    snprintf(end, sizeof end, "%s.weight", words);
    for (size_t i = 0; i < thx_weights_count(e->model->weights); i++) {
        const char  *name = thx_weights_at(e->model->weights, i)->name;
        const size_t n = before(name, end);
        if (n >= shortest || n >= NAME_MAX_BYTES) continue;
        shortest = n;
        snprintf(out, NAME_MAX_BYTES, "%.*s", (int)n, name);
    }
    if (shortest < SIZE_MAX) return THORAX_OK;
    return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s' is missing: no weights of %s", e->model->folder, end,
                    thx_text_kind_name(e->kind));
}

/* ---- Opening ---- */

/* Folds a tensor into the identity. */
static void fold(thx_text_encoder *e, const char *name, const thx_view *v)
{
    const size_t bytes = thx_view_bytes(v), n = bytes < 64 ? bytes : 64;
    char         hex[65];
    thx_sha256   h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, name, strlen(name) + 1);
    thx_sha256_add(&h, thx_type_name(v->type), strlen(thx_type_name(v->type)));
    thx_sha256_add(&h, v->shape, v->rank * sizeof v->shape[0]);
    if (n) thx_sha256_add(&h, (const unsigned char *)v->data + (bytes - n) / 2, n);
    thx_sha256_end(&h, hex);
    for (size_t i = 0; i < 64; i++) e->sum[i] ^= (unsigned char)hex[i];
}

static void identify(thx_text_encoder *e)
{
    thx_sha256 h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, e->config, 64);
    thx_sha256_add(&h, &e->encoder.config.layers, sizeof e->encoder.config.layers);
    thx_sha256_add(&h, e->sum, sizeof e->sum);
    thx_sha256_end(&h, e->model->identity);
}

static void identify_all(thx_text_encoder *e, const json_t *config, const char *prefix)
{
    const size_t n = strlen(prefix);
    char         name[NAME_MAX_BYTES], *text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);

    thx_sha256_of(text ? text : "", text ? strlen(text) : 0, e->config);
    free(text);
    for (size_t i = 0; i < thx_weights_count(e->model->weights); i++) {
        const thx_view *v = thx_weights_at(e->model->weights, i);
        if (!strncmp(v->name, prefix, n) && !strstr(v->name, "position_ids") && canonical(name, sizeof name, v->name))
            fold(e, name + n, v);
    }
    identify(e);
}

static thorax_status bind_pooler(thx_text_encoder *e, const char *prefix, thorax_error *err)
{
    const size_t D = e->encoder.config.D;
    char         name[NAME_MAX_BYTES];

    snprintf(name, sizeof name, "%spooler.dense.weight", prefix);
    if (e->kind == THX_TEXT_DEBERTA || !thx_binder_has(e->binder, name)) return THORAX_OK;
    return thx_bind_pair(e->binder, &e->pool_w, &e->pool_b, prefix, "pooler.dense", D, D, err);
}

static thorax_status open_weights(thx_text_encoder *e, const thx_text_encoder_options *o, const json_t *json,
                                  const char *path, thorax_error *err)
{
    thx_encoder_layout  layout;
    thx_encoder_config *c = &e->encoder.config;
    char                prefix[NAME_MAX_BYTES] = "";
    thorax_status       st = thx_text_config_read(&e->kind, c, &layout, json, path, err);

    if (!st && o->layers > c->layers)
        st = thx_fail(err, THORAX_USAGE, 0, "%s: %zu layers asked for, it has %zu", e->model->folder, o->layers,
                      c->layers);
    if (!st && o->layers) c->layers = o->layers;
    if (!st) st = thx_weights_open(&e->model->weights, o->weights ? o->weights : e->model->folder, err);
    if (!st && o->prefix) snprintf(prefix, sizeof prefix, "%s", o->prefix);
    else if (!st) st = find_prefix(prefix, e, layout.names->words, err);
    if (!st) st = thx_binder_open(&e->binder, e->model, canonical, NULL, err);
    if (!st) st = thx_encoder_bind(e->binder, &e->encoder, &layout, prefix, err);
    if (!st) st = bind_pooler(e, prefix, err);
    if (!st) identify_all(e, json, prefix);
    return st;
}

/* The lesser of the tokenizer's own limit and what the positions allow. */
static thorax_status open_tokenizer(thx_text_encoder *e, const thx_text_encoder_options *o, thorax_error *err)
{
    const char   *folder = o->tokenizer ? o->tokenizer : e->model->folder;
    json_t       *config = NULL;
    thorax_status st = thx_tokenizer_open(&e->model->tokenizer, folder, err);

    e->limit = thx_encoder_tokens(&e->encoder.config);
    if (!st && thx_tokenizer_size(e->model->tokenizer) > e->encoder.config.V)
        st = thx_fail(err, THORAX_MODEL, 0, "%s: a tokenizer of at most %zu ids expected, found %zu", folder,
                      e->encoder.config.V, thx_tokenizer_size(e->model->tokenizer));
    if (!st) st = thx_text_config(&config, folder, "tokenizer_config.json", err);
    const double most = json_number_value(json_object_get(config, "model_max_length"));
    if (most >= 1 && most < (double)e->limit) e->limit = (size_t)most;
    json_decref(config);
    return st;
}

static thorax_status open_folder(thx_text_encoder *e, const thx_text_encoder_options *o, thorax_error *err)
{
    char         *path = thx_path_join(e->model->folder, "config.json");
    json_t       *json = NULL;
    thorax_status st = path ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    if (!st && !thx_is_folder(e->model->folder))
        st = thx_fail(err, THORAX_MODEL, 0, "%s: expected the folder of a text encoder", e->model->folder);
    if (!st) st = thx_json_read(&json, path, CONFIG_MAX_BYTES, err);
    if (!st) st = open_weights(e, o, json, path, err);
    if (!st) st = open_tokenizer(e, o, err);
    json_decref(json);
    free(path);
    return st;
}

thorax_status thx_text_encoder_open(thx_text_encoder **out, thx_ctx *ctx, const char *folder,
                                    const thx_text_encoder_options *o, thorax_error *err)
{
    thx_text_encoder              *e = calloc(1, sizeof *e);
    const thx_text_encoder_options none = { 0 };

    *out = NULL;
    if (!e) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    thorax_status st = thx_model_new(&e->model, ctx, folder, err);
    if (!st) st = open_folder(e, o ? o : &none, err);
    if (!st) {
        *out = e;
        return THORAX_OK;
    }
    thx_text_encoder_close(e);
    if (st == THORAX_NOMEM || st == THORAX_USAGE) return st;
    if (err) err->status = THORAX_MODEL; /* whatever is wrong with a folder's files */
    return THORAX_MODEL;
}

void thx_text_encoder_close(thx_text_encoder *e)
{
    if (!e) return;
    thx_binder_close(e->binder);
    thx_model_close(e->model);
    free(e);
}

/* ---- What it is ---- */

thx_text_kind thx_text_encoder_kind(const thx_text_encoder *e) { return e->kind; }
size_t        thx_text_encoder_width(const thx_text_encoder *e) { return e->encoder.config.D; }
size_t        thx_text_encoder_layers(const thx_text_encoder *e) { return e->encoder.config.layers; }
size_t        thx_text_encoder_limit(const thx_text_encoder *e) { return e->limit; }
bool          thx_text_encoder_has_pooler(const thx_text_encoder *e) { return e->pool_w != NULL; }
bool          thx_text_encoder_has_last_norm(const thx_text_encoder *e) { return e->encoder.last_norm_w != NULL; }
int32_t       thx_text_encoder_first(const thx_text_encoder *e) { return thx_tokenizer_first(e->model->tokenizer); }
int32_t       thx_text_encoder_last(const thx_text_encoder *e) { return thx_tokenizer_last(e->model->tokenizer); }
thx_ctx      *thx_text_encoder_ctx(const thx_text_encoder *e) { return e->model->ctx; }
const char   *thx_text_encoder_identity(const thx_text_encoder *e) { return e->model->identity; }
const thx_tokenizer *thx_text_encoder_tokenizer(const thx_text_encoder *e) { return e->model->tokenizer; }

size_t thx_text_encoder_levels(const thx_text_encoder *e)
{
    return e->encoder.config.layers + 1 + thx_text_encoder_has_last_norm(e);
}

/* ---- Texts to ids ---- */

thorax_status thx_text_encoder_ids(const thx_text_encoder *e, const char *text, size_t size, size_t limit, bool special,
                                   thx_ids *out, thorax_error *err)
{
    const thx_tokenizer *t = e->model->tokenizer;
    const size_t         first = out->size, most = !limit ? e->limit : limit == SIZE_MAX ? 0 : limit;

    if (special) return thx_tokenizer_encode_whole(t, text, size, true, most, out, err);
    const thorax_status st = thx_tokenizer_encode(t, text, size, true, out, err);
    if (!st && most && out->size - first > most) out->size = first + most;
    return st;
}

/* ---- Ids to rows ---- */

/* Where the rows of a call go. */
typedef struct target {
    thx_text_encoder *e;
    const size_t     *ends;
    size_t            T;     /* rows of all texts      */
    bool              every; /* out has all layers     */
    bool              norm, first; /* the last norm over them; first rows only */
    float            *out;
} target;

static void put_rows(const target *t, const thx_encoder_pass *pass, thx_tensor rows, float *out)
{
    const size_t D = rows.cols;
    thx_ctx     *ctx = t->e->model->ctx;

    for (size_t i = 0; i < pass->n; i++) {
        const size_t text = pass->texts[i], from = i ? pass->ends[i - 1] : 0, n = t->first ? 1 : pass->ends[i] - from;
        const size_t at = t->first ? text : text ? t->ends[text - 1] : 0;
        ctx->ops->copy_rows(ctx, (thx_tensor){ out + at * D, n, D, D }, thx_tensor_rows(rows, from, n));
    }
}

static thorax_status put_normed(const target *t, const thx_encoder_pass *pass, float *out, thorax_error *err)
{
    thx_ctx             *ctx = t->e->model->ctx;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     rows = thx_tensor_alloc(ctx, pass->rows.rows, pass->rows.cols);

    if (!rows.data) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu tokens", pass->rows.rows);
    thx_encoder_last_norm(ctx, &t->e->encoder, rows, pass->rows);
    put_rows(t, pass, rows, out);
    thx_arena_release(ctx->arena, mark);
    return THORAX_OK;
}

static thorax_status take(void *data, const thx_encoder_pass *pass, thorax_error *err)
{
    const target *t = data;
    const size_t  D = pass->rows.cols, layers = t->e->encoder.config.layers;
    float        *out = t->out + (t->every ? pass->layer * t->T * D : 0);

    if (!t->every && t->norm) return put_normed(t, pass, out, err);
    put_rows(t, pass, pass->rows, out);
    return t->every && t->norm && pass->layer == layers ? put_normed(t, pass, out + t->T * D, err) : THORAX_OK;
}

static thorax_status run(target *t, const int32_t *ids, const size_t *ends, size_t n, size_t layer, thorax_error *err)
{
    if (layer > t->e->encoder.config.layers)
        return thx_fail(err, THORAX_USAGE, 0, "%s: layer %zu asked for, it has %zu", t->e->model->folder, layer,
                        t->e->encoder.config.layers);
    t->ends = ends;
    t->T = n ? ends[n - 1] : 0;
    t->norm &= thx_text_encoder_has_last_norm(t->e);
    return thx_encoder_run(t->e->model->ctx, &t->e->encoder, ids, ends, n, layer, t->every, take, t, err);
}

thorax_status thx_text_encoder_hidden(thx_text_encoder *e, const int32_t *ids, const size_t *ends, size_t n,
                                      size_t layer, bool last_norm, float *out, thorax_error *err)
{
    return run(&(target){ .e = e, .norm = last_norm, .out = out }, ids, ends, n, layer, err);
}

thorax_status thx_text_encoder_every(thx_text_encoder *e, const int32_t *ids, const size_t *ends, size_t n, float *out,
                                     thorax_error *err)
{
    return run(&(target){ .e = e, .every = true, .norm = true, .out = out }, ids, ends, n, e->encoder.config.layers,
               err);
}

thorax_status thx_text_encoder_cls(thx_text_encoder *e, const int32_t *ids, const size_t *ends, size_t n, size_t layer,
                                   bool last_norm, float *out, thorax_error *err)
{
    return run(&(target){ .e = e, .norm = last_norm, .first = true, .out = out }, ids, ends, n, layer, err);
}

/* ---- Heads ---- */

thorax_status thx_text_encoder_linear(thx_text_encoder *e, float *y, const float *x, size_t n, const thx_weight *w,
                                      const thx_weight *b, size_t N, size_t K, thorax_error *err)
{
    thx_ctx *ctx = e->model->ctx;

    return ctx->ops->linear(ctx, (thx_tensor){ y, n, N, N }, (thx_tensor){ (float *)(uintptr_t)x, n, K, K }, w, b,
                            THX_PROMPT, err);
}

thorax_status thx_text_encoder_pool(thx_text_encoder *e, const float *x, size_t n, float *out, thorax_error *err)
{
    const size_t     D = e->encoder.config.D;
    const thx_tensor y = { out, n, D, D };
    thorax_status    st = thx_text_encoder_linear(e, out, x, n, e->pool_w, e->pool_b, D, D, err);

    if (!st) e->model->ctx->ops->activate(e->model->ctx, y, y, THX_TANH);
    return st;
}

const thx_view *thx_text_encoder_view(const thx_text_encoder *e, const char *name)
{
    const thx_view *found = thx_weights_find(e->model->weights, name);
    size_t          n = 0;

    if (found) return found;
    for (size_t i = 0; i < thx_weights_count(e->model->weights); i++) {
        const thx_view *v = thx_weights_at(e->model->weights, i);
        if (before(v->name, name) == SIZE_MAX) continue;
        found = v;
        n++;
    }
    return n == 1 ? found : NULL;
}

static thorax_status bind_other(thx_text_encoder *e, thx_weight **out, const char *name, thx_weight_use use,
                                size_t rows, size_t cols, thorax_error *err)
{
    const thx_view *v = thx_text_encoder_view(e, name);
    char            full[NAME_MAX_BYTES];

    *out = NULL;
    if (!v || !canonical(full, sizeof full, v->name))
        return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s' is missing, or there are several of that name",
                        e->model->folder, name);
    fold(e, full, v);
    identify(e);
    return thx_bind(e->binder, out, use, full, cols ? 2 : 1, (uint64_t[]){ rows, cols }, err);
}

thorax_status thx_text_encoder_matrix(thx_text_encoder *e, thx_weight **out, const char *name, size_t rows, size_t cols,
                                      thorax_error *err)
{
    return bind_other(e, out, name, THX_USE_LINEAR, rows, cols, err);
}

thorax_status thx_text_encoder_vector(thx_text_encoder *e, thx_weight **out, const char *name, size_t size,
                                      thorax_error *err)
{
    return bind_other(e, out, name, THX_USE_VECTOR, size, 0, err);
}

thorax_status thx_text_encoder_table(thx_text_encoder *e, thx_weight **out, const char *name, size_t rows, size_t cols,
                                     thorax_error *err)
{
    return bind_other(e, out, name, THX_USE_ROWS, rows, cols, err);
}
