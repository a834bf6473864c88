/* RaTEScore behind its networks; see ratescore.h. */
#include "metrics/ratescore.h"

#include <math.h>
#include <string.h>

static const char *const names[THX_RATE_TYPES] = { "ABNORMALITY", "ANATOMY", "DISEASE", "NON-ABNORMALITY",
                                                   "NON-DISEASE" };

const char *thx_rate_type_name(thx_rate_type type) { return type < THX_RATE_TYPES ? names[type] : NULL; }

thx_rate_type thx_rate_type_of(const char *name)
{
    thx_rate_type type = 0;

    while (type < THX_RATE_TYPES && strcmp(names[type], name) != 0) type++;
    return type;
}

/* ---- Scores ---- */

typedef struct table { double affinity[THX_RATE_TYPES][THX_RATE_TYPES], negation; } table;

static const table tables[] = {
    [THX_RATE_LONG] = {
        { { 0.4276119164393705, 0.6240929990607657, 0.0034478181112993847, 0.5431049700217344, 0.27005425386213877 },
          { 0.7487824274337533, 0.2856134859160784, 0.4592143222158069, 0.02097055139911715, 0.00013736314126696204 },
          { 0.8396510075734789, 0.9950209388542061, 0.8460555030578727, 0.9820689020512646, 0.3789136708096537 },
          { 0.16546764653692908, 0.018670610691852826, 0.719397354576018, 0.0009357166071730684, 0.0927333564267591 },
          { 0.7759420231214385, 0.1839139293714062, 0.10073046076318157, 0.03860183811876373, 0.34065681486566446 } },
        0.8716553966489615 },
    [THX_RATE_SHORT] = {
        { { 0.4070293318365468, 0.6952639610605605, 0.28342529466226446, 0.9479148658006686, 0.23875064111146294 },
          { 0.5829759950441763, 0.7709590751917746, 0.0006059634829551632, 0.794672584951181, 0.27982942400798977 },
          { 0.8840397619834857, 0.9637659445696822, 0.19018958438059513, 0.6962283914800402, 0.943727057946997 },
          { 0.1712744286898638, 0.4485149671497294, 0.00045065329822896076, 0.0007887930317199857, 0.8555432840895761 },
          { 0.9555801066212176, 0.13122106162635216, 0.6072996585919443, 0.05650711141169969, 0.3214769399791204 } },
        0.3611577852354489 },
};

static double cosine(const float *a, const float *b, size_t D)
{
    double dot = 0, aa = 0, bb = 0;

    for (size_t d = 0; d < D; d++) {
        dot += (double)a[d] * b[d];
        aa += (double)a[d] * a[d];
        bb += (double)b[d] * b[d];
    }
    const double scale = sqrt(aa) * sqrt(bb);
    return scale > 0 ? (float)(dot / scale) : 0;
}

/* ---- The nearest ----
 * Of equal cosines (the same text in entities of different types) the original takes whichever its selection happens to
 * leave in front: PyTorch's topk has 64 or more values heaped, which gives the first, and fewer selected by a C++
 * library whose steps are these: partition around the median of three until at most three are left. */

enum { FEW = 64 };

typedef struct ranked { double value; size_t at; } ranked;

static void swap(ranked *a, ranked *b)
{
    const ranked old = *a;

    *a = *b;
    *b = old;
}

/* Puts the median of three into `to`. */
static void take_median(ranked *to, ranked *a, ranked *b, ranked *c)
{
    if (a->value > b->value) swap(to, b->value > c->value ? b : a->value > c->value ? c : a);
    else swap(to, a->value > c->value ? a : b->value > c->value ? c : b);
}

/* Larger ones than list[0] to the front; returns where the others begin. */
static size_t partition(ranked *list, size_t n)
{
    size_t first = 1, last = n;

    take_median(&list[0], &list[1], &list[n / 2], &list[n - 1]);
    for (;; first++) {
        while (list[first].value > list[0].value) first++;
        last--;
        while (list[0].value > list[last].value) last--;
        if (first >= last) return first;
        swap(&list[first], &list[last]);
    }
}

/* The first of the largest. */
static size_t first_largest(const ranked *list, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (list[i].value > list[best].value) best = i;
    return best;
}

static ranked select_largest(ranked *list, size_t n)
{
    int depth = 0;

    for (size_t k = n; k > 1; k >>= 1) depth += 2;
    for (; n > 3 && depth; depth--) n = partition(list, n);
    return list[first_largest(list, n)];
}

/* The nearest entity of `to`. */
static size_t nearest(const thx_rate_side *to, const float *vector, size_t D, double *best)
{
    ranked list[FEW] = { { 0 } };
    size_t at = 0;

    for (size_t i = 0; i < to->n && i < FEW; i++) list[i] = (ranked){ cosine(vector, to->vectors + i * D, D), i };
    *best = list[0].value;
    if (to->n < FEW) {
        const ranked r = select_largest(list, to->n);
        *best = r.value;
        return r.at;
    }
    for (size_t i = 1; i < to->n; i++) {
        const double c = i < FEW ? list[i].value : cosine(vector, to->vectors + i * D, D);
        if (!(c > *best)) continue;
        *best = c;
        at = i;
    }
    return at;
}

static bool is_positive(thx_rate_type t) { return t == THX_RATE_ABNORMALITY || t == THX_RATE_DISEASE; }
static bool is_negative(thx_rate_type t) { return t == THX_RATE_NON_ABNORMALITY || t == THX_RATE_NON_DISEASE; }

static double direction(const thx_rate_side *from, const thx_rate_side *to, size_t D, const table *t)
{
    double sum = 0, weights = 0;

    for (size_t i = 0; i < from->n; i++) {
        double              c;
        const thx_rate_type a = from->types[i], b = to->types[nearest(to, from->vectors + i * D, D, &c)];
        const bool          contrary = (is_positive(a) && is_negative(b)) || (is_negative(a) && is_positive(b));
        sum += c * t->affinity[a][b] * (contrary ? t->negation : 1);
        weights += t->affinity[a][b];
    }
    return weights == 0 ? 0 : sum / weights;
}

thx_rate_score thx_ratescore(const thx_rate_side *reference, const thx_rate_side *hypothesis, size_t D,
                             thx_rate_weights weights)
{
    if (!reference->n || !hypothesis->n) return (thx_rate_score){ NAN, NAN, 0.5 };
    const double a = direction(reference, hypothesis, D, &tables[weights]);
    const double b = direction(hypothesis, reference, D, &tables[weights]);
    return (thx_rate_score){ a, b, a + b == 0 ? 0 : 2 * a * b / (a + b) };
}

/* ---- Labels to entities ---- */

typedef struct reading {
    thx_rate_entity *out;
    size_t           n, start;
    const char      *type;        /* of what is open           */
    bool             open, ended; /* ended: an end was seen since nothing was open */
} reading;

static void emit(reading *r, size_t first, size_t last, const char *type)
{
    r->out[r->n++] = (thx_rate_entity){ first, last, type };
}

static void begin(reading *r, size_t at, const char *type)
{
    r->start = at;
    r->type = type;
    r->open = true;
}

/* Token `at`, whose label begins something (first) or goes on, and the kind of the next label. */
static void step(reading *r, size_t at, bool first, const char *type, char next)
{
    if (first && next == 'I') begin(r, at, type);
    if (next != 'B' && next != 'O') return;
    if (first) emit(r, at, at, type);
    else if (r->open) emit(r, r->start, at, r->type);
    r->ended = next == 'B';
    if (next == 'B') begin(r, at, type);
    else r->open = false;
}

size_t thx_rate_entities(thx_rate_entity *out, const char *const *tokens, const char *const *labels, size_t n)
{
    reading r = { .out = out };

    for (size_t i = 0; i + 1 < n; i++) {
        const char kind = labels[i][0];
        if (!strcmp(tokens[i], "[CLS]") || !strcmp(tokens[i], "[SEP]")) continue;
        if ((kind == 'B' || kind == 'I') && labels[i][1] == '-')
            step(&r, i, kind == 'B', labels[i] + 2, labels[i + 1][0]);
    }
    if (r.open && !r.ended && n >= 2 && n - 2 >= r.start) emit(&r, r.start, n - 2, r.type);
    return r.n;
}
