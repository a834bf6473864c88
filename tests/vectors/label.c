/* Vectors of labels: CheXbert's classes, label mentions. */
#include "vectors.h"

#include "metrics/labels.h"
#include "metrics/mentions.h"

#include <stdlib.h>
#include <string.h>

static const double limit = 1e-12; /* absolute */

/* ---- f1_chexbert_labels ---- */

static void check_f1(vec *v, const char *what, thx_f1 got, size_t support, const json_t *want)
{
    char name[80];

    if (!want) vec_fail(v, "%s: none wanted", what);
    snprintf(name, sizeof name, "%s precision", what);
    vec_number(v, name, got.precision, json_object_get(want, "precision"), limit, 0);
    snprintf(name, sizeof name, "%s recall", what);
    vec_number(v, name, got.recall, json_object_get(want, "recall"), limit, 0);
    snprintf(name, sizeof name, "%s f1", what);
    vec_number(v, name, got.f1, json_object_get(want, "f1"), limit, 0);
    vec_integer(v, what, (long long)support, json_object_get(want, "support"));
}

static void check_report(vec *v, const thx_labels_report *r, const unsigned char *heads, const json_t *want)
{
    if (json_object_size(want) != r->n_labels + 4)
        vec_fail(v, "%zu entries, wanted %zu", r->n_labels + 4, json_object_size(want));
    for (size_t c = 0; c < r->n_labels; c++) {
        const char *name = thx_chexbert_names[heads ? heads[c] : c];
        check_f1(v, name, r->label[c], r->support[c], json_object_get(want, name));
    }
    check_f1(v, "micro", r->micro, r->total_support, json_object_get(want, "micro avg"));
    check_f1(v, "macro", r->macro, r->total_support, json_object_get(want, "macro avg"));
    check_f1(v, "weighted", r->weighted, r->total_support, json_object_get(want, "weighted avg"));
    check_f1(v, "samples", r->samples, r->total_support, json_object_get(want, "samples avg"));
}

static void read_classes(unsigned char classes[THX_CHEXBERT], const json_t *row)
{
    for (size_t c = 0; c < THX_CHEXBERT; c++)
        classes[c] = (unsigned char)json_integer_value(json_array_get(row, c));
}

/* One mapping: masks of all reports, then both reports. */
static void check_mapping(vec *v, const json_t *input, thx_chexbert_mapping mapping, const json_t *want)
{
    const json_t     *refs = json_object_get(input, "ref_classes"), *hyps = json_object_get(input, "hyp_classes");
    const size_t      n = json_array_size(refs);
    thx_label_row    *rows = calloc(n + 1, sizeof *rows), *five = calloc(n + 1, sizeof *five);
    double           *exact = calloc(n + 1, sizeof *exact);
    thx_labels_report r;

    if (!rows || !five || !exact) abort();
    for (size_t i = 0; i < n; i++) {
        unsigned char truth[THX_CHEXBERT], guess[THX_CHEXBERT];
        read_classes(truth, json_array_get(refs, i));
        read_classes(guess, json_array_get(hyps, i));
        rows[i] = (thx_label_row){ thx_chexbert_mask(truth, mapping), thx_chexbert_mask(guess, mapping) };
        five[i] = thx_labels_select(rows[i], thx_chexbert_five, THX_CHEXBERT_FIVE);
        exact[i] = thx_labels_exact(five[i]);
    }
    thx_labels_report_of(&r, rows, n, THX_CHEXBERT);
    check_report(v, &r, NULL, json_object_get(want, "all14"));
    thx_labels_report_of(&r, five, n, THX_CHEXBERT_FIVE);
    check_report(v, &r, thx_chexbert_five, json_object_get(want, "top5"));
    const json_t *accuracy = json_object_get(want, "accuracy_top5_exact");
    const json_t *each = json_object_get(want, "per_report_top5_exact");
    if (accuracy) vec_number(v, "accuracy", r.accuracy, accuracy, limit, 0);
    if (each) vec_numbers(v, "per report", exact, n, each, 0, 0);
    free(rows);
    free(five);
    free(exact);
}

static void check_f1_chexbert(vec *v, const json_t *input, const json_t *expected)
{
    check_mapping(v, input, THX_CHEXBERT_DOUBT_IS_POSITIVE, json_object_get(expected, "f1chexbert_rrg"));
    check_mapping(v, input, THX_CHEXBERT_DOUBT_IS_NEGATIVE, json_object_get(expected, "llavarad_rrg"));
}

/* ---- radvlm_classification ---- */

static void check_names(vec *v, uint64_t mask, const char *const *labels, size_t n, const json_t *want)
{
    const char *got[THX_LABELS_MAX];
    size_t      m = 0;

    for (size_t c = 0; c < n; c++)
        if (mask >> c & 1) got[m++] = labels[c];
    vec_texts(v, "predicted", got, m, want);
}

static void check_metrics(vec *v, const thx_labels_report *r, const char *const *labels, const json_t *want)
{
    vec_number(v, "Precision(macro)", r->macro.precision, json_object_get(want, "Precision(macro)"), limit, 0);
    vec_number(v, "Precision(micro)", r->micro.precision, json_object_get(want, "Precision(micro)"), limit, 0);
    vec_number(v, "Recall(macro)", r->macro.recall, json_object_get(want, "Recall(macro)"), limit, 0);
    vec_number(v, "Recall(micro)", r->micro.recall, json_object_get(want, "Recall(micro)"), limit, 0);
    vec_number(v, "F1 Score(macro)", r->macro.f1, json_object_get(want, "F1 Score(macro)"), limit, 0);
    vec_number(v, "F1 Score(micro)", r->micro.f1, json_object_get(want, "F1 Score(micro)"), limit, 0);
    if (json_object_size(want) != 6 + (r->n ? r->n_labels : 0))
        vec_fail(v, "%zu metrics wanted", json_object_size(want));
    for (size_t c = 0; r->n && c < r->n_labels; c++)
        vec_number(v, labels[c], r->label[c].f1, json_object_get(want, labels[c]), limit, 0);
}

static void check_classification(vec *v, const json_t *input, const json_t *expected)
{
    const json_t     *samples = json_object_get(input, "samples");
    const json_t     *names = json_object_get(expected, "predicted_labels");
    const size_t      n = json_array_size(samples);
    thx_label_row    *rows = calloc(n + 1, sizeof *rows);
    size_t            n_labels, n_reference;
    const char      **labels = vec_list(json_object_get(input, "label_list"), &n_labels);
    thx_labels_report r;

    if (!rows || !labels || n_labels > THX_LABELS_MAX) abort();
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(samples, i);
        const char  **reference = vec_list(json_object_get(s, "labels"), &n_reference);
        if (!reference) abort();
        rows[i].guess = thx_mentions_predicted(vec_member_text(s, "output"), labels, n_labels);
        rows[i].truth = thx_mentions_reference(reference, n_reference, labels, n_labels, NULL);
        check_names(v, rows[i].guess, labels, n_labels, json_array_get(names, i));
        free(reference);
    }
    thx_labels_report_of(&r, rows, n, n_labels);
    check_metrics(v, &r, labels, json_object_get(expected, "metrics"));
    free(rows);
    free(labels);
}

const vec_kind vec_label_kinds[] = {
    { "f1_chexbert_labels", check_f1_chexbert },
    { "radvlm_classification", check_classification },
    { 0 },
};
