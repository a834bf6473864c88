/* CheXbert's head classes: as masks, and its own metrics. */
#include "metrics/labels.h"

#include <math.h>

const char *const thx_chexbert_names[THX_CHEXBERT] = {
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity",     "Lung Lesion",   "Edema",
    "Consolidation",              "Pneumonia",    "Atelectasis",      "Pneumothorax",  "Pleural Effusion",
    "Pleural Other",              "Fracture",     "Support Devices",  "No Finding",
};

const unsigned char thx_chexbert_five[THX_CHEXBERT_FIVE] = { 1, 4, 5, 7, 9 };

enum { NO_FINDING = THX_CHEXBERT - 1, CLASSES = 4 };

uint64_t thx_chexbert_mask(const unsigned char classes[THX_CHEXBERT], thx_chexbert_mapping mapping)
{
    uint64_t mask = 0;

    for (size_t c = 0; c < THX_CHEXBERT; c++) {
        const bool doubt = classes[c] == THX_CHEXBERT_UNCERTAIN && mapping == THX_CHEXBERT_DOUBT_IS_POSITIVE;
        mask |= (uint64_t)(classes[c] == THX_CHEXBERT_POSITIVE || doubt) << c;
    }
    return mask;
}

double thx_chexbert_code(unsigned class_of_head)
{
    static const double codes[CLASSES] = { NAN, 1.0, 0.0, -1.0 };

    return class_of_head < CLASSES ? codes[class_of_head] : NAN;
}

/* ---- Its own metrics ---- */

typedef size_t confusion[CLASSES][CLASSES]; /* [truth][guess] */

static unsigned known(unsigned char class_of_head) { return class_of_head < CLASSES ? class_of_head : 0; }

/* F1 of one class, a bit each in `classes`, against all others. */
static double f1_of(const size_t m[CLASSES][CLASSES], unsigned classes)
{
    thx_label_counts c = { 0, 0, 0 };

    for (unsigned t = 0; t < CLASSES; t++)
        for (unsigned g = 0; g < CLASSES; g++) {
            const bool truth = classes >> t & 1, guess = classes >> g & 1;
            if (truth || guess) *(!truth ? &c.fp : guess ? &c.tp : &c.fn) += m[t][g];
        }
    return thx_f1_of(c).f1;
}

/* Cohen's: how much of the disagreement that chance would give does not happen. */
static double kappa_of(const size_t m[CLASSES][CLASSES])
{
    double n = 0, differ = 0, expected = 0;

    for (unsigned t = 0; t < CLASSES; t++)
        for (unsigned g = 0; g < CLASSES; g++) {
            n += (double)m[t][g];
            if (t != g) differ += (double)m[t][g];
        }
    for (unsigned t = 0; t < CLASSES; t++)
        for (unsigned g = 0; g < CLASSES; g++) {
            double row = 0, column = 0;
            for (unsigned k = 0; k < CLASSES; k++) {
                row += (double)m[t][k];
                column += (double)m[k][g];
            }
            if (t != g) expected += row * column / n;
        }
    return expected != 0.0 ? 1.0 - differ / expected : NAN;
}

/* F1 of negation, doubt and presence by the share of each. */
static double weighted_of(const thx_chexbert_own *out, size_t c, const size_t m[CLASSES][CLASSES],
                          const double *weights)
{
    const double f1[3] = { out->negation[c], out->uncertain[c], out->positive[c] };
    static const unsigned classes[3] = { THX_CHEXBERT_NEGATIVE, THX_CHEXBERT_UNCERTAIN, THX_CHEXBERT_POSITIVE };
    double share[3], all = 0, sum = 0;

    for (size_t k = 0; k < 3; k++) {
        share[k] = 0;
        for (unsigned g = 0; g < CLASSES; g++) share[k] += (double)m[classes[k]][g];
        all += share[k];
    }
    for (size_t k = 0; k < 3; k++) sum += f1[k] * (weights ? weights[3 * c + k] : all > 0 ? share[k] / all : 0);
    return sum;
}

static double mean_of(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static void condition(thx_chexbert_own *out, size_t c, const size_t m[CLASSES][CLASSES], const double *weights)
{
    const bool finding = c != NO_FINDING;

    out->mention[c] = f1_of(m, 14u);
    out->blank[c] = f1_of(m, 1u);
    out->positive[c] = f1_of(m, 1u << THX_CHEXBERT_POSITIVE);
    out->negation[c] = finding ? f1_of(m, 1u << THX_CHEXBERT_NEGATIVE) : 0.0;
    out->uncertain[c] = finding ? f1_of(m, 1u << THX_CHEXBERT_UNCERTAIN) : 0.0;
    out->weighted[c] = weighted_of(out, c, m, weights);
    out->kappa[c] = kappa_of(m);
    out->undefined_kappa += isnan(out->kappa[c]) != 0;
}

void thx_chexbert_own_metrics(thx_chexbert_own *out, const unsigned char *truth, const unsigned char *guess, size_t n,
                              const double *weights)
{
    *out = (thx_chexbert_own){ .undefined_kappa = 0 };
    for (size_t c = 0; c < THX_CHEXBERT; c++) {
        confusion m = { { 0 } };
        for (size_t i = 0; i < n; i++) m[known(truth[i * THX_CHEXBERT + c])][known(guess[i * THX_CHEXBERT + c])]++;
        condition(out, c, (const size_t(*)[CLASSES])m, weights);
    }
    out->mean_mention = mean_of(out->mention, THX_CHEXBERT);
    out->mean_blank = mean_of(out->blank, THX_CHEXBERT);
    out->mean_positive = mean_of(out->positive, THX_CHEXBERT);
    out->mean_weighted = mean_of(out->weighted, THX_CHEXBERT);
    out->mean_kappa = mean_of(out->kappa, THX_CHEXBERT);
    out->mean_negation = mean_of(out->negation, THX_CHEXBERT - 1);
    out->mean_uncertain = mean_of(out->uncertain, THX_CHEXBERT - 2);
}
