/* RaTEScore over a group of items; see scores.h. */
#include "eval/scores_internal.h"

#include "base/file.h"
#include "metrics/ratescore_model.h"

#include <stdlib.h>

/* The folder's part of this name, else of that; of the caller, NULL when memory runs out. */
static char *part_of(const char *folder, const char *name, const char *other)
{
    char *path = thx_path_join(folder, name);

    if (path && thx_is_folder(path)) return path;
    free(path);
    return thx_path_join(folder, other);
}

thorax_status eval_ratescore(const eval_job *job, thorax_error *err)
{
    const char *folder = job->options->ratescore;
    thx_rate_model *m = NULL;
    thx_ctx *ctx = NULL;
    eval_texts t;

    thorax_status st = eval_begin(&t, job, folder, err);
    if (st || !t.n) return st;
    char *ner = part_of(folder, "RaTE-NER-Deberta", "ner"), *embed = part_of(folder, "BioLORD-2023-C", "embed");
    thx_rate_score *scores = eval_alloc(job, t.n, sizeof *scores);
    double *values = eval_alloc(job, t.n, sizeof *values);
    if (!ner || !embed || !scores || !values) st = eval_nomem(job, err);
    if (!st) st = eval_open_ctx(&ctx, job, err);
    if (!st) st = thx_rate_model_open(&m, ctx, ner, embed, err);
    if (!st) st = thx_rate_model_scores(m, t.hypotheses, t.references, t.n, THX_RATE_LONG, scores, err);
    for (size_t i = 0; !st && i < t.n; i++) values[i] = scores[i].score;
    if (!st)
        st = eval_add_mean(job, "ratescore", "long,sentences: " THX_RATE_SENTENCES, thx_rate_model_identity(m), values,
                           t.items, t.n, t.failed, err);
    thx_rate_model_close(m);
    thx_cpu_close(ctx);
    free(ner);
    free(embed);
    return st;
}
