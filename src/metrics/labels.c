/* Labels as masks: counts, precision, recall and F1 with the averages of scikit-learn's report. */
#include "metrics/labels.h"

#include <math.h>
#include <string.h>

/* ---- Counting ---- */

void thx_labels_add(thx_label_counts *counts, size_t n_labels, thx_label_row row, size_t times)
{
    for (uint64_t any = row.truth | row.guess; any; any &= any - 1) {
        const unsigned c = (unsigned)__builtin_ctzll(any);
        const bool     truth = row.truth >> c & 1, guess = row.guess >> c & 1;
        if (c >= n_labels) break;
        *(!truth ? &counts[c].fp : guess ? &counts[c].tp : &counts[c].fn) += times;
    }
}

void thx_labels_count(thx_label_counts *counts, size_t n_labels, const thx_label_row *rows, const size_t *pick,
                      size_t n)
{
    if (n_labels) memset(counts, 0, n_labels * sizeof *counts);
    for (size_t i = 0; i < n; i++) thx_labels_add(counts, n_labels, rows[pick ? pick[i] : i], 1);
}

thx_label_row thx_labels_select(thx_label_row row, const unsigned char *labels, size_t n_labels)
{
    thx_label_row out = { 0, 0 };

    for (size_t k = 0; k < n_labels; k++) {
        out.truth |= (row.truth >> labels[k] & 1) << k;
        out.guess |= (row.guess >> labels[k] & 1) << k;
    }
    return out;
}

/* ---- Figures ---- */

static double ratio(double part, double whole) { return whole != 0.0 ? part / whole : 0.0; }

static double f1_from(double p, double r) { return ratio(2.0 * p * r, p + r); }

thx_f1 thx_f1_of(thx_label_counts c)
{
    const double p = ratio((double)c.tp, (double)(c.tp + c.fp)), r = ratio((double)c.tp, (double)(c.tp + c.fn));

    return (thx_f1){ p, r, f1_from(p, r) };
}

thx_f1 thx_labels_micro(const thx_label_counts *counts, size_t n_labels)
{
    thx_label_counts all = { 0, 0, 0 };

    for (size_t c = 0; c < n_labels; c++) {
        all.tp += counts[c].tp;
        all.fp += counts[c].fp;
        all.fn += counts[c].fn;
    }
    return thx_f1_of(all);
}

static void add_f1(thx_f1 *sum, thx_f1 x, double weight)
{
    sum->precision += x.precision * weight;
    sum->recall += x.recall * weight;
    sum->f1 += x.f1 * weight;
}

static thx_f1 divide_f1(thx_f1 sum, double n) { return (thx_f1){ sum.precision / n, sum.recall / n, sum.f1 / n }; }

thx_f1 thx_labels_macro(const thx_label_counts *counts, size_t n_labels)
{
    thx_f1 sum = { 0, 0, 0 };

    for (size_t c = 0; c < n_labels; c++) add_f1(&sum, thx_f1_of(counts[c]), 1.0);
    return divide_f1(sum, (double)n_labels);
}

thx_f1 thx_labels_sample(thx_label_row row)
{
    const thx_label_counts c = {
        .tp = (size_t)__builtin_popcountll(row.truth & row.guess),
        .fp = (size_t)__builtin_popcountll(row.guess & ~row.truth),
        .fn = (size_t)__builtin_popcountll(row.truth & ~row.guess),
    };

    return thx_f1_of(c);
}

bool thx_labels_exact(thx_label_row row) { return row.truth == row.guess; }

/* Per label, and the averages over labels. */
static void report_labels(thx_labels_report *out)
{
    thx_f1 weighted = { 0, 0, 0 };

    for (size_t c = 0; c < out->n_labels; c++) {
        const thx_label_counts *k = &out->counts[c];
        out->label[c] = thx_f1_of(*k);
        out->support[c] = k->tp + k->fn;
        out->total_support += out->support[c];
        out->silent += k->tp + k->fp + k->fn == 0;
        add_f1(&weighted, out->label[c], (double)out->support[c]);
    }
    out->micro = thx_labels_micro(out->counts, out->n_labels);
    out->macro = thx_labels_macro(out->counts, out->n_labels);
    if (out->total_support) out->weighted = divide_f1(weighted, (double)out->total_support);
}

void thx_labels_report_of(thx_labels_report *out, const thx_label_row *rows, size_t n, size_t n_labels)
{
    size_t exact = 0;

    *out = (thx_labels_report){ .n = n, .n_labels = n_labels < THX_LABELS_MAX ? n_labels : THX_LABELS_MAX };
    thx_labels_count(out->counts, out->n_labels, rows, NULL, n);
    report_labels(out);
    for (size_t i = 0; i < n; i++) {
        add_f1(&out->samples, thx_labels_sample(rows[i]), 1.0);
        exact += thx_labels_exact(rows[i]);
    }
    out->samples = divide_f1(out->samples, (double)n);
    out->accuracy = n ? (double)exact / (double)n : NAN;
    if (!n) out->macro = out->samples = (thx_f1){ NAN, NAN, NAN };
}
