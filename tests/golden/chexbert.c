/* CheXbert from its own checkpoint: ids, logits, vectors, classes, and the tables that follow from them. */
#include "golden.h"

#include "base/npy.h"
#include "metrics/chexbert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PEAK_LIMIT = 2e-5, F1_LIMIT = 1e-9;

typedef struct set {
    golden        *g;
    const json_t  *root, *cases;
    size_t         n, D;
    const char   **reports;
    thx_chexbert  *net;
    float         *logits, *vectors;
    unsigned char *classes; /* [n, 14] */
    thorax_error   err;
} set;

/* ---- The network ---- */

static void check_ids(set *s)
{
    size_t same = 0;

    for (size_t i = 0; i < s->n; i++) {
        const json_t *want = json_object_get(json_array_get(s->cases, i), "ids");
        thx_ids       ids = { 0 };
        bool          ok = !thx_chexbert_ids(s->net, s->reports[i], THX_CHEXBERT_F1, &ids, &s->err)
                  && ids.size == json_array_size(want);
        for (size_t k = 0; ok && k < ids.size; k++) ok = ids.data[k] == json_integer_value(json_array_get(want, k));
        same += ok;
        thx_ids_deinit(&ids);
    }
    golden_check(s->g, same == s->n, "ids", "%zu of %zu", same, s->n);
}

/* got [n, width] against a file: the largest difference over the largest value. */
static void check_peak(set *s, const char *key, const float *got, size_t width)
{
    thx_npy npy;
    double  worst = 0, peak = 0;

    if (thx_npy_read(&npy, golden_path(s->g, golden_text(s->root, key)), &s->err)) {
        golden_check(s->g, false, key, "%s", s->err.text);
        return;
    }
    const bool fits = !strcmp(npy.type, "f4") && npy.rank == 2 && npy.shape[0] == s->n && npy.shape[1] == width;
    for (size_t i = 0; fits && i < npy.count; i++) {
        const double want = (double)((const float *)npy.data)[i], off = fabs((double)got[i] - want);
        peak = fmax(peak, fabs(want));
        if (!(off <= worst)) worst = off;
    }
    golden_check(s->g, fits && worst <= PEAK_LIMIT * peak, key, "error %.2g of the peak, limit %.0e", worst / peak,
                 PEAK_LIMIT);
    thx_npy_deinit(&npy);
}

/* "" where the table has nothing. */
static bool same_code(double code, const json_t *want)
{
    return json_is_string(want) ? isnan(code) : code == json_number_value(want);
}

static void check_classes(set *s)
{
    size_t classes = 0, rrg = 0, codes = 0;

    for (size_t i = 0; i < s->n; i++) {
        const json_t        *c = json_array_get(s->cases, i);
        const unsigned char *got = s->classes + i * THX_CHEXBERT;
        const uint64_t       mask = thx_chexbert_mask(got, THX_CHEXBERT_DOUBT_IS_POSITIVE);
        for (size_t k = 0; k < THX_CHEXBERT; k++) {
            classes += got[k] == json_integer_value(json_array_get(json_object_get(c, "classes"), k));
            rrg += (mask >> k & 1) == (uint64_t)json_integer_value(json_array_get(json_object_get(c, "rrg"), k));
            codes += same_code(thx_chexbert_code(got[k]), json_array_get(json_object_get(c, "classification"), k));
        }
    }
    const size_t all = s->n * THX_CHEXBERT;
    golden_check(s->g, classes == all, "classes", "%zu of %zu", classes, all);
    golden_check(s->g, rrg == all, "rrg", "%zu of %zu", rrg, all);
    golden_check(s->g, codes == all, "classification", "%zu of %zu", codes, all);
}

/* ---- Tables ---- */

static double off_by(double got, const json_t *object, const char *key)
{
    const json_t *want = json_object_get(object, key);

    return want ? fabs(got - json_number_value(want)) : INFINITY;
}

static double off_line(thx_f1 got, size_t support, const json_t *table, const char *line)
{
    const json_t *want = json_object_get(table, line);

    return fmax(fmax(off_by(got.precision, want, "precision"), off_by(got.recall, want, "recall")),
                fmax(off_by(got.f1, want, "f1-score"), off_by((double)support, want, "support")));
}

static void check_table(set *s, const thx_label_row *rows, size_t pairs, bool five, const json_t *want,
                        const char *name)
{
    const size_t      n = five ? THX_CHEXBERT_FIVE : THX_CHEXBERT;
    thx_label_row    *picked = calloc(pairs + 1, sizeof *picked);
    thx_labels_report r;
    double            off = 0;

    for (size_t i = 0; picked && i < pairs; i++)
        picked[i] = five ? thx_labels_select(rows[i], thx_chexbert_five, n) : rows[i];
    if (picked) thx_labels_report_of(&r, picked, pairs, n);
    for (size_t k = 0; picked && k < n; k++)
        off = fmax(off, off_line(r.label[k], r.support[k], want, thx_chexbert_names[five ? thx_chexbert_five[k] : k]));
    if (picked) {
        off = fmax(off, off_line(r.micro, r.total_support, want, "micro avg"));
        off = fmax(off, off_line(r.macro, r.total_support, want, "macro avg"));
        off = fmax(off, off_line(r.weighted, r.total_support, want, "weighted avg"));
        off = fmax(off, off_line(r.samples, r.total_support, want, "samples avg"));
    }
    golden_check(s->g, picked && off <= F1_LIMIT, name, "%zu labels off by %.2g, limit %.0e", n, off, F1_LIMIT);
    free(picked);
}

/* Hypotheses come first, then as many references. */
static void fill_rows(const set *s, thx_label_row *rows, size_t pairs, thx_chexbert_mapping mapping)
{
    for (size_t i = 0; i < pairs; i++) {
        rows[i].guess = thx_chexbert_mask(s->classes + i * THX_CHEXBERT, mapping);
        rows[i].truth = thx_chexbert_mask(s->classes + (i + pairs) * THX_CHEXBERT, mapping);
    }
}

static void check_accuracy(set *s, const thx_label_row *rows, size_t pairs, const json_t *f1)
{
    const json_t *want = json_object_get(f1, "per_pair_accuracy");
    size_t        same = 0, right = 0;

    for (size_t i = 0; i < pairs; i++) {
        const bool exact = thx_labels_exact(thx_labels_select(rows[i], thx_chexbert_five, THX_CHEXBERT_FIVE));
        right += exact;
        same += exact == (json_number_value(json_array_get(want, i)) == 1);
    }
    golden_check(s->g, same == pairs && off_by((double)right / (double)pairs, f1, "accuracy") <= F1_LIMIT, "accuracy",
                 "%zu of %zu pairs", same, pairs);
}

static void check_tables(set *s)
{
    const size_t   pairs = golden_number(s->root, "n_pairs");
    const json_t  *f1 = json_object_get(s->root, "f1"), *llava = json_object_get(s->root, "llava_rad");
    const json_t  *doubt = json_object_get(llava, "rrg+"), *firm = json_object_get(llava, "rrg");
    thx_label_row *rows = calloc(pairs + 1, sizeof *rows);

    if (!golden_check(s->g, rows && pairs && 2 * pairs == s->n, "pairs", "%zu", pairs)) {
        free(rows);
        return;
    }
    fill_rows(s, rows, pairs, THX_CHEXBERT_DOUBT_IS_POSITIVE);
    check_accuracy(s, rows, pairs, f1);
    check_table(s, rows, pairs, false, json_object_get(f1, "report_14"), "f1");
    check_table(s, rows, pairs, true, json_object_get(f1, "report_5"), "f1");
    check_table(s, rows, pairs, false, json_object_get(doubt, "14"), "llava_rad rrg+");
    check_table(s, rows, pairs, true, json_object_get(doubt, "5"), "llava_rad rrg+");
    fill_rows(s, rows, pairs, THX_CHEXBERT_DOUBT_IS_NEGATIVE);
    check_table(s, rows, pairs, false, json_object_get(firm, "14"), "llava_rad rrg");
    check_table(s, rows, pairs, true, json_object_get(firm, "5"), "llava_rad rrg");
    free(rows);
}

/* ---- All of it ---- */

static bool make_room(set *s)
{
    s->D = thx_chexbert_width(s->net);
    s->reports = calloc(s->n + 1, sizeof *s->reports);
    s->logits = calloc(s->n + 1, THX_CHEXBERT_LOGITS * sizeof *s->logits);
    s->vectors = calloc(s->n + 1, s->D * sizeof *s->vectors);
    s->classes = calloc(s->n + 1, THX_CHEXBERT);
    for (size_t i = 0; s->reports && i < s->n; i++) s->reports[i] = golden_text(json_array_get(s->cases, i), "text");
    return s->reports && s->logits && s->vectors && s->classes;
}

static void check_all(set *s)
{
    const thx_chexbert_results results = { s->logits, s->vectors, s->classes };

    check_ids(s);
    if (thx_chexbert_run(s->net, s->reports, s->n, THX_CHEXBERT_F1, &results, NULL, &s->err)) {
        golden_check(s->g, false, "run", "%s", s->err.text);
        return;
    }
    check_peak(s, "logits", s->logits, THX_CHEXBERT_LOGITS);
    check_peak(s, "cls", s->vectors, s->D);
    check_classes(s);
    check_tables(s);
}

void golden_chexbert(golden *g)
{
    json_t  *root = golden_json(g, "cases.json");
    set      s = { .g = g, .root = root, .cases = json_object_get(root, "cases") };
    thx_ctx *ctx = NULL;

    if (!root) return;
    s.n = json_array_size(s.cases);
    if (thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 0, &s.err)
        || thx_chexbert_open(&s.net, ctx, golden_path(g, golden_text(root, "model")),
                             golden_path(g, golden_text(root, "checkpoint")), &s.err))
        golden_check(g, false, "open", "%s", s.err.text);
    else if (golden_check(g, make_room(&s), "reports", "%zu", s.n)) check_all(&s);
    thx_chexbert_close(s.net);
    thx_cpu_close(ctx);
    free(s.reports);
    free(s.logits);
    free(s.vectors);
    free(s.classes);
    json_decref(root);
}
