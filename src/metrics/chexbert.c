/* CheXbert's network; see chexbert.h. */
#include "metrics/chexbert.h"

#include "base/file.h"
#include "metrics/distinct.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEAD = 4, LAST_HEAD = 2, /* classes of a head */
    LIMIT = 512,             /* ids of a report   */
    PASS_IDS = 16384,        /* of one call of the encoder, between two reports of progress */
};

struct thx_chexbert {
    thx_text_encoder *encoder;
    thx_weight       *weight[THX_CHEXBERT], *bias[THX_CHEXBERT]; /* [classes, D], [classes] */
};

static size_t classes_of(size_t head) { return head + 1 < THX_CHEXBERT ? HEAD : LAST_HEAD; }

/* ---- Opening ---- */

static char *find_checkpoint(const char *folder)
{
    static const char *const names[] = { "chexbert.pth", "chexbert.safetensors" };

    for (size_t i = 0; i < 2; i++) {
        char *path = thx_path_join(folder, names[i]);
        if (!path || thx_file_exists(path)) return path;
        free(path);
    }
    return thx_path_join(folder, names[0]); /* which opening then says is not there */
}

static thorax_status bind_heads(thx_chexbert *c, thorax_error *err)
{
    const size_t  D = thx_text_encoder_width(c->encoder);
    char          name[48];
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < THX_CHEXBERT && !st; i++) {
        snprintf(name, sizeof name, "linear_heads.%zu.weight", i);
        st = thx_text_encoder_matrix(c->encoder, &c->weight[i], name, classes_of(i), D, err);
        snprintf(name, sizeof name, "linear_heads.%zu.bias", i);
        if (!st) st = thx_text_encoder_vector(c->encoder, &c->bias[i], name, classes_of(i), err);
    }
    return st;
}

thorax_status thx_chexbert_open(thx_chexbert **out, thx_ctx *ctx, const char *folder, const char *checkpoint,
                                thorax_error *err)
{
    thx_chexbert *c = calloc(1, sizeof *c);
    char         *found = checkpoint ? NULL : find_checkpoint(folder);
    const thx_text_encoder_options o = { .weights = checkpoint ? checkpoint : found };
    thorax_status st = c && o.weights ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", folder);

    *out = NULL;
    if (!st) st = thx_text_encoder_open(&c->encoder, ctx, folder, &o, err);
    if (!st && thx_text_encoder_kind(c->encoder) != THX_TEXT_BERT)
        st = thx_fail(err, THORAX_MODEL, 0, "%s: a 'bert' encoder wanted, '%s' found", folder,
                      thx_text_kind_name(thx_text_encoder_kind(c->encoder)));
    if (!st) st = bind_heads(c, err);
    free(found);
    if (st) thx_chexbert_close(c);
    else *out = c;
    return st;
}

void thx_chexbert_close(thx_chexbert *c)
{
    if (!c) return;
    thx_text_encoder_close(c->encoder);
    free(c);
}

size_t thx_chexbert_width(const thx_chexbert *c) { return thx_text_encoder_width(c->encoder); }

thx_text_encoder *thx_chexbert_encoder(const thx_chexbert *c) { return c->encoder; }

/* ---- Reports ---- */

thorax_status thx_chexbert_ids(const thx_chexbert *c, const char *report, thx_chexbert_form form, thx_ids *ids,
                               thorax_error *err)
{
    thx_string    clean = { 0 };
    thorax_status st = THORAX_OK;

    thx_chexbert_clean(&clean, report, strlen(report), form);
    if (clean.failed) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a report");
    if (!st) st = thx_text_encoder_ids(c->encoder, clean.data ? clean.data : "", clean.size, LIMIT, true, ids, err);
    thx_string_deinit(&clean);
    return st;
}

/* All reports of a run, and room for what a pass of them gives. */
typedef struct run {
    thx_chexbert *c;
    const thx_chexbert_results *results;
    thx_ids       ids, pass; /* of all reports; of those of a pass */
    size_t       *ends, *pass_ends;
    thx_distinct  distinct;
    float        *vectors, *logits; /* [distinct, D], [distinct, 54] */
} run;

static thorax_status run_init(run *r, const char *const *reports, size_t n, thx_chexbert_form form, thorax_error *err)
{
    const size_t  D = thx_chexbert_width(r->c);
    thorax_status st = THORAX_OK;
    size_t        floats;

    r->ends = calloc(n + 1, sizeof *r->ends);
    r->pass_ends = calloc(n + 1, sizeof *r->pass_ends);
    if (!r->ends || !r->pass_ends) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu reports", n);
    for (size_t i = 0; i < n && !st; i++) {
        st = thx_chexbert_ids(r->c, reports[i] ? reports[i] : "", form, &r->ids, err);
        r->ends[i] = r->ids.size;
    }
    if (!st) st = thx_distinct_init(&r->distinct, r->ids.data, r->ends, n, err);
    if (st) return st;
    if (thx_mul_size(&floats, r->distinct.count + 1, D)) r->vectors = malloc(floats * sizeof *r->vectors);
    r->logits = malloc((r->distinct.count + 1) * THX_CHEXBERT_LOGITS * sizeof *r->logits);
    return r->vectors && r->logits ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu reports", n);
}

static void run_deinit(run *r)
{
    thx_ids_deinit(&r->ids);
    thx_ids_deinit(&r->pass);
    thx_distinct_deinit(&r->distinct);
    free(r->ends);
    free(r->pass_ends);
    free(r->vectors);
    free(r->logits);
}

/* logits [n, 54] of vectors [n, D] */
static thorax_status run_heads(const thx_chexbert *c, float *logits, float *vectors, size_t n, thorax_error *err)
{
    thx_ctx         *ctx = thx_text_encoder_ctx(c->encoder);
    const size_t     D = thx_chexbert_width(c);
    const thx_tensor x = { vectors, n, D, D }, y = { logits, n, THX_CHEXBERT_LOGITS, THX_CHEXBERT_LOGITS };
    thorax_status    st = THORAX_OK;

    for (size_t i = 0; i < THX_CHEXBERT && !st; i++)
        st = ctx->ops->linear(ctx, thx_tensor_cols(y, i * HEAD, classes_of(i)), x, c->weight[i], c->bias[i], THX_PROMPT,
                              err);
    return st;
}

/* Distinct reports from `first` on, as many as one pass takes; *n receives how many. They come by length. */
static thorax_status run_pass(run *r, size_t first, size_t *n, thorax_error *err)
{
    const size_t D = thx_chexbert_width(r->c), layers = thx_text_encoder_layers(r->c->encoder);

    r->pass.size = 0;
    for (*n = 0; first + *n < r->distinct.count; ++*n) {
        const size_t i = r->distinct.first[first + *n], length = thx_text_length(r->ends, i);
        if (*n && r->pass.size + length > PASS_IDS) break;
        for (size_t k = 0; k < length; k++) thx_ids_add(&r->pass, r->ids.data[r->ends[i] - length + k]);
        r->pass_ends[*n] = r->pass.size;
    }
    if (r->pass.failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the ids of %zu reports", *n);
    float              *vectors = r->vectors + first * D;
    const thorax_status st =
        thx_text_encoder_cls(r->c->encoder, r->pass.data, r->pass_ends, *n, layers, false, vectors, err);
    return st ? st : run_heads(r->c, r->logits + first * THX_CHEXBERT_LOGITS, vectors, *n, err);
}

/* classes [14] of logits [54] */
static void read_classes(unsigned char *classes, const float *logits)
{
    for (size_t i = 0; i < THX_CHEXBERT; i++) {
        const float *head = logits + i * HEAD;
        classes[i] = 0;
        for (size_t k = 1; k < classes_of(i); k++)
            if (head[k] > head[classes[i]]) classes[i] = (unsigned char)k;
    }
}

/* Report i gets what its distinct text has. */
static void hand_out(const run *r, size_t i)
{
    const size_t D = thx_chexbert_width(r->c), from = r->distinct.of[i];
    const float *logits = r->logits + from * THX_CHEXBERT_LOGITS;

    if (r->results->logits)
        memcpy(r->results->logits + i * THX_CHEXBERT_LOGITS, logits, THX_CHEXBERT_LOGITS * sizeof *logits);
    if (r->results->vectors) memcpy(r->results->vectors + i * D, r->vectors + from * D, D * sizeof *r->vectors);
    if (r->results->classes) read_classes(r->results->classes + i * THX_CHEXBERT, logits);
}

thorax_status thx_chexbert_run(thx_chexbert *c, const char *const *reports, size_t n, thx_chexbert_form form,
                               const thx_chexbert_results *results, const thx_progress *progress, thorax_error *err)
{
    run           r = { .c = c, .results = results };
    thorax_status st = run_init(&r, reports, n, form, err);

    for (size_t first = 0, k; first < r.distinct.count && !st; first += k) {
        st = run_pass(&r, first, &k, err);
        if (!st && !thx_progress_step(progress, "reports", first + k, r.distinct.count))
            st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
    }
    for (size_t i = 0; i < n && !st; i++) hand_out(&r, i);
    run_deinit(&r);
    return st;
}

double thx_chexbert_similarity(const float *a, const float *b, size_t D)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < D; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / (sqrt(aa) * sqrt(bb));
}
