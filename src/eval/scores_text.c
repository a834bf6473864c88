/* Measures of texts on groups of items: ROUGE, the BLEUs, CIDEr-D; see scores.h. */
#include "eval/scores_internal.h"

#include "metrics/bootstrap.h"
#include "metrics/cider.h"
#include "tasks/tasks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Pairs ---- */

thorax_status eval_texts_of(eval_texts *out, const eval_job *job, thorax_error *err)
{
    *out = (eval_texts){ .hypotheses = eval_alloc(job, job->n, sizeof *out->hypotheses),
                         .references = eval_alloc(job, job->n, sizeof *out->references),
                         .items = eval_alloc(job, job->n, sizeof *out->items) };
    if (!out->hypotheses || !out->references || !out->items) return eval_nomem(job, err);
    for (size_t i = 0; i < job->n; i++) {
        const thx_eval_item *item = &job->set->items[job->items[i]];
        if (!item->prediction || !item->reference) {
            out->failed++;
            continue;
        }
        out->hypotheses[out->n] = item->prediction;
        out->references[out->n] = item->reference;
        out->items[out->n++] = job->items[i];
    }
    return THORAX_OK;
}

static thx_pairs pairs_of(const eval_texts *t)
{
    return (thx_pairs){ .hypotheses = t->hypotheses, .references = t->references, .n = t->n };
}

thorax_status eval_strip_answers(const eval_job *job, eval_texts *t, thorax_error *err)
{
    static const char stop[] = "</s>";

    for (size_t i = 0; i < t->n; i++) {
        char *text = thx_text_strip(t->hypotheses[i], strlen(t->hypotheses[i]));
        size_t n = text ? strlen(text) : 0;
        if (text && n >= sizeof stop - 1 && !strcmp(text + n - (sizeof stop - 1), stop)) {
            char *again = thx_text_strip(text, n - (sizeof stop - 1));
            free(text);
            text = again;
        }
        t->hypotheses[i] = text ? thx_arena_strdup(job->scores->arena, text) : NULL;
        free(text);
        if (!t->hypotheses[i]) return eval_nomem(job, err);
    }
    return THORAX_OK;
}

/* ---- ROUGE ---- */

static const struct { unsigned kind; const char *name; } rouges[] = {
    { THX_ROUGE_1, "rouge1" }, { THX_ROUGE_2, "rouge2" }, { THX_ROUGE_L, "rougeL" }, { THX_ROUGE_LSUM, "rougeLsum" },
};
enum { ROUGES = sizeof rouges / sizeof rouges[0] };

/* The kinds each variant reports; where values are medians, in the order in which the originals draw. */
static unsigned rouge_kinds(int variant)
{
    switch (variant) {
    case ROUGE_STEM: return THX_ROUGE_BIT(THX_ROUGE_1) | THX_ROUGE_BIT(THX_ROUGE_2) | THX_ROUGE_BIT(THX_ROUGE_L);
    case ROUGE_MEDIAN: return THX_ROUGE_BIT(THX_ROUGE_L);
    default:
        return THX_ROUGE_BIT(THX_ROUGE_1) | THX_ROUGE_BIT(THX_ROUGE_2) | THX_ROUGE_BIT(THX_ROUGE_L) |
               THX_ROUGE_BIT(THX_ROUGE_LSUM);
    }
}

/* The figure last added becomes the median of resampled means, its interval theirs. */
static thorax_status rouge_median(const eval_job *job, const thx_rouge *r, unsigned kind, size_t resamples,
                                  thx_mt19937 *stream, thorax_error *err)
{
    thx_eval_figure *f = &job->scores->figures[job->scores->n - 1];
    thx_interval i[3];
    const thorax_status st = thx_bootstrap_rouge(i, r, kind, resamples, 0.95, stream, err);

    if (st) return st;
    f->value = i[2].median;
    f->low = i[2].low;
    f->high = i[2].high;
    f->resamples = resamples;
    f->confidence = 0.95;
    f->seed = 3;
    f->has_interval = f->is_median = true;
    return THORAX_OK;
}

static thorax_status add_rouge(const eval_job *job, const thx_rouge *r, const eval_texts *t, size_t k,
                               thx_mt19937 *stream, thorax_error *err)
{
    const int variant = job->metric->variant;
    const bool median = variant == ROUGE_MEDIAN || variant == ROUGE_HF;
    const size_t resamples = variant == ROUGE_HF ? 1000 : 500;
    double *f = eval_alloc(job, r->n, sizeof *f);
    char settings[80];

    if (!f) return eval_nomem(job, err);
    for (size_t i = 0; i < r->n; i++) f[i] = r->scores[rouges[k].kind][i].f;
    snprintf(settings, sizeof settings, "stem=%s,F,%s", variant == ROUGE_STEM ? "yes" : "no",
             median ? "median of resampled means" : "mean");
    thorax_status st = eval_add_mean(job, rouges[k].name, settings, NULL, f, t->items, t->n, t->failed, err);
    if (!st && median) st = rouge_median(job, r, rouges[k].kind, resamples, stream, err);
    return st;
}

thorax_status eval_rouge(const eval_job *job, thorax_error *err)
{
    const int variant = job->metric->variant;
    const unsigned kinds = rouge_kinds(variant);
    thx_mt19937 stream;
    eval_texts t;
    thx_rouge r;

    thorax_status st = eval_texts_of(&t, job, err);
    if (st || !t.n) return st;
    if (variant == ROUGE_MEDIAN || variant == ROUGE_HF) st = eval_strip_answers(job, &t, err);
    const thx_pairs pairs = pairs_of(&t);
    if (!st) st = thx_rouge_score(&r, &pairs, kinds, variant == ROUGE_STEM, err);
    if (st) return st;
    thx_mt19937_seed(&stream, 3);
    for (size_t k = 0; !st && k < ROUGES; k++)
        if (kinds & THX_ROUGE_BIT(rouges[k].kind)) st = add_rouge(job, &r, &t, k, &stream, err);
    thx_rouge_deinit(&r);
    return st;
}

/* ---- BLEU ---- */

static const size_t two_orders[] = { 1, 4 };

typedef struct bleu_settings { size_t order; int variant; } bleu_settings;

/* Of the sums of the picked records' counts. */
static double bleu_of(const void *rows, const void *settings, const uint32_t *pick, size_t n)
{
    const thx_bleu_counts *counts = rows;
    const bleu_settings *s = settings;
    thx_bleu_counts sum = { 0 };
    double coco[THX_BLEU_ORDERS];
    thx_bleu_value value;

    for (size_t i = 0; i < n; i++) thx_bleu_counts_add(&sum, &counts[pick[i]]);
    if (s->variant == BLEU_COCO) {
        thx_bleu_coco_of(coco, &sum);
        return coco[s->order - 1];
    }
    if (s->variant == BLEU_HF) return thx_bleu_hf_of(&value, &sum, s->order, false) ? value.score : NAN;
    thx_bleu_sacrebleu_of(&value, &sum, s->order);
    return value.score;
}

static thorax_status add_bleu(const eval_job *job, const thx_bleu_counts *counts, const eval_texts *t, size_t order,
                              thorax_error *err)
{
    static const char *const settings[] = { "13a,case kept,smoothing exp,0..100", "13a,case kept,smoothing exp,0..100",
                                            "white space,case kept,0..1", "13a,case kept,not smoothed,0..1" };
    thx_bleu_counts *rows = eval_alloc(job, t->n, sizeof *rows);
    bleu_settings *s = eval_alloc(job, 1, sizeof *s);
    char name[16];

    if (!rows || !s) return eval_nomem(job, err);
    memcpy(rows, counts, t->n * sizeof *rows);
    *s = (bleu_settings){ order, job->metric->variant };
    snprintf(name, sizeof name, "bleu%zu", order);
    const thx_eval_table table = { rows, sizeof *rows, s, bleu_of };
    return eval_add_table(job, name, NULL, settings[job->metric->variant], NULL, &table, t->items, t->n, t->failed,
                          err);
}

/* sacrebleu's own interval, which LLaVA-Rad prints. */
static thorax_status sacrebleu_interval(const eval_job *job, const thx_bleu_sacrebleu *b, thorax_error *err)
{
    thx_eval_figure *f = &job->scores->figures[job->scores->n - 1];
    thx_interval_sacrebleu i;

    if (!job->options->resamples && !job->options->preset) return THORAX_OK;
    const thorax_status st = thx_bootstrap_sacrebleu(&i, b, 500, err);

    if (st) return st;
    f->has_interval = i.resamples > 0;
    f->low = i.low;
    f->high = i.high;
    f->resamples = i.resamples;
    f->confidence = 0.95;
    f->seed = 12345;
    return THORAX_OK;
}

/* One count of n-grams up to four words serves both orders. */
static thorax_status bleu_sacre(const eval_job *job, const thx_pairs *pairs, const eval_texts *t, thorax_error *err)
{
    thx_bleu_sacrebleu b;
    thorax_status st = thx_bleu_sacrebleu_score(&b, pairs, THX_BLEU_ORDERS, err);

    if (st) return st;
    for (size_t i = 0; !st && i < sizeof two_orders / sizeof two_orders[0]; i++) {
        const thx_bleu_counts sum = b.corpus.counts;
        b.order = two_orders[i];
        thx_bleu_sacrebleu_of(&b.corpus, &sum, b.order);
        st = add_bleu(job, b.counts, t, b.order, err);
        if (!st) st = sacrebleu_interval(job, &b, err);
    }
    thx_bleu_sacrebleu_deinit(&b);
    return st;
}

static thorax_status bleu_coco(const eval_job *job, const thx_pairs *pairs, const eval_texts *t, thorax_error *err)
{
    thx_bleu_coco b;
    thorax_status st = thx_bleu_coco_score(&b, pairs, err);

    if (st) return st;
    for (size_t order = 1; !st && order <= THX_BLEU_ORDERS; order++) st = add_bleu(job, b.counts, t, order, err);
    thx_bleu_coco_deinit(&b);
    return st;
}

/* Without words on one side the original divides by zero: no figure, and a remark. */
static thorax_status bleu_hf(const eval_job *job, const thx_pairs *pairs, const eval_texts *t, size_t order,
                             thorax_error *err)
{
    thx_bleu_hf b;
    thorax_status st = thx_bleu_hf_score(&b, pairs, order, false, err);

    if (st == THORAX_USAGE) {
        eval_remark(job, "no words on one side");
        return THORAX_OK;
    }
    if (st) return st;
    st = add_bleu(job, b.counts, t, order, err);
    thx_bleu_hf_deinit(&b);
    return st;
}

thorax_status eval_bleu(const eval_job *job, thorax_error *err)
{
    const int variant = job->metric->variant;
    eval_texts t;

    thorax_status st = eval_texts_of(&t, job, err);
    if (st || !t.n) return st;
    if (variant != BLEU_COCO) st = eval_strip_answers(job, &t, err);
    const thx_pairs pairs = pairs_of(&t);
    if (!st && variant == BLEU_COCO) return bleu_coco(job, &pairs, &t, err);
    if (!st && variant != BLEU_HF) return bleu_sacre(job, &pairs, &t, err);
    for (size_t i = 0; !st && i < sizeof two_orders / sizeof two_orders[0]; i++)
        st = bleu_hf(job, &pairs, &t, two_orders[i], err);
    return st;
}

/* ---- CIDEr-D ---- */

/* Weights stay those of all references, also where records are resampled. */
thorax_status eval_cider(const eval_job *job, thorax_error *err)
{
    eval_texts t;
    thx_cider c;

    thorax_status st = eval_texts_of(&t, job, err);
    if (st || !t.n) return st;
    const thx_pairs pairs = pairs_of(&t);
    st = thx_cider_d(&c, &pairs, err);
    if (st == THORAX_USAGE) {
        eval_remark(job, "no reference has a word");
        return THORAX_OK;
    }
    if (st) return st;
    st = eval_add_mean(job, "ciderd", "n=4,sigma=6,idf of these references,0..10", NULL, c.scores, t.items, t.n,
                       t.failed, err);
    thx_cider_deinit(&c);
    return st;
}

/* ---- Short answers ---- */

/* Without blanks around and a full stop at the end. */
static const char *trimmed(const char *text, size_t *size)
{
    text += strspn(text, " \t\r\n");
    *size = strlen(text);
    while (*size && strchr(" \t\r\n.", text[*size - 1])) --*size;
    return text;
}

static bool same_answer(const char *a, const char *b)
{
    size_t n, m;

    a = trimmed(a, &n);
    b = trimmed(b, &m);
    return n == m && !strncasecmp(a, b, n);
}

thorax_status eval_exact(const eval_job *job, thorax_error *err)
{
    eval_texts t;
    const thorax_status st = eval_texts_of(&t, job, err);

    if (st || !t.n) return st;
    double *right = eval_alloc(job, t.n, sizeof *right);
    if (!right) return eval_nomem(job, err);
    for (size_t i = 0; i < t.n; i++) right[i] = same_answer(t.hypotheses[i], t.references[i]);
    return eval_add_mean(job, "exact", "case, blanks and full stop do not count", NULL, right, t.items, t.n, t.failed,
                         err);
}
