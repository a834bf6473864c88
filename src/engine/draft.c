/* Drafts; see draft.h. The corpus is a suffix array: positions sorted by what lies before them, read
 * backwards, so that all places that follow the same ids lie together. */
#include "engine/draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
    DEPTH = 12,                 /* ids that are compared at most                 */
    CORPUS_MAX_BYTES = 64 << 20,
    LINE = -1,                  /* stands before every line                      */
    LOOK_BACK = 8,              /* ids of a beginning looked for in `seen`       */
    VOTES = 256,                /* places whose continuation is counted          */
};

struct thx_corpus {
    thx_ids ids;
    const int32_t **order; /* places p in `ids`, sorted by p[-1], p[-2], .. */
    size_t          n;
};

/* ---- Corpus ---- */

/* The ids before place a of a corpus against those at the end of b [n], nearest first; 0 when `depth` of them
 * agree, or all down to the beginning of a line. Before the first of b stands LINE. */
static int compare_before(const int32_t *a, const int32_t *b, size_t n, size_t depth)
{
    for (size_t i = 1; i <= depth; i++) {
        const int32_t x = *(a - i), y = i <= n ? b[n - i] : LINE;

        if (x != y) return x < y ? -1 : 1;
        if (x == LINE) return 0;
    }
    return 0;
}

static int by_what_is_before(const void *x, const void *y)
{
    const int32_t *const a = *(const int32_t *const *)x, *const b = *(const int32_t *const *)y;
    const int            order = compare_before(a, b - DEPTH, DEPTH, DEPTH); /* ends at LINE at the latest */

    return order ? order : a < b ? -1 : a > b;
}

/* One line: LINE, its ids, the end. Empty lines are left out. */
static thorax_status add_line(thx_corpus *c, const thx_tokenizer *t, const char *text, size_t size,
                              int32_t end, thorax_error *err)
{
    while (size && (text[size - 1] == '\r' || text[size - 1] == ' ')) size--;
    if (!size) return THORAX_OK;
    thx_ids_add(&c->ids, LINE);
    const thorax_status st = thx_tokenizer_encode(t, text, size, false, &c->ids, err);
    thx_ids_add(&c->ids, end);
    return st;
}

static thorax_status sort_corpus(thx_corpus *c, const char *path, thorax_error *err)
{
    if (c->ids.failed) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for its ids", path);
    if (c->ids.size == DEPTH)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: expected a line of text for each answer, found none", path);
    c->order = malloc(c->ids.size * sizeof *c->order);
    if (!c->order) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for %zu ids", path, c->ids.size);
    for (size_t i = 0; i < c->ids.size; i++)
        if (c->ids.data[i] != LINE) c->order[c->n++] = c->ids.data + i;
    qsort(c->order, c->n, sizeof *c->order, by_what_is_before);
    return THORAX_OK;
}

thorax_status thx_corpus_open(thx_corpus **out, const char *path, const thx_tokenizer *tokenizer, int32_t end,
                              thorax_error *err)
{
    char         *text;
    size_t        size;
    thx_corpus   *c = calloc(1, sizeof *c);
    thorax_status st = c ? thx_file_read(&text, &size, path, CORPUS_MAX_BYTES, err)
                         : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    *out = NULL;
    if (st) {
        free(c);
        return st;
    }
    for (int i = 0; i < DEPTH; i++) thx_ids_add(&c->ids, LINE); /* so that looking back stays inside */
    for (const char *at = text, *stop = text + size; !st && at < stop;) {
        const char *line = memchr(at, '\n', (size_t)(stop - at)), *next = line ? line : stop;

        st = add_line(c, tokenizer, at, (size_t)(next - at), end, err);
        at = next + 1;
    }
    free(text);
    if (!st) st = sort_corpus(c, path, err);
    if (st) thx_corpus_close(c);
    else *out = c;
    return st;
}

void thx_corpus_close(thx_corpus *c)
{
    if (!c) return;
    thx_ids_deinit(&c->ids);
    free(c->order);
    free(c);
}

/* The first place in the order that is not before (or, with `after`, that is behind) all that follow `depth` ids. */
static size_t bound(const thx_corpus *c, const int32_t *ids, size_t n, size_t depth, bool after)
{
    size_t low = 0, high = c->n;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int    order = compare_before(c->order[mid], ids, n, depth);

        if (order < 0 || (after && order == 0)) low = mid + 1;
        else high = mid;
    }
    return low;
}

/* The id that stands at most of the places from .. to-1. */
static int32_t vote(const thx_corpus *c, size_t from, size_t to, double *share)
{
    const size_t n = to - from < VOTES ? to - from : VOTES, step = (to - from) / n;
    int32_t      best = LINE;
    size_t       most = 0;

    for (size_t i = 0; i < n && most < n - i; i++) {
        const int32_t id = *c->order[from + i * step];
        size_t        count = 0;

        if (id == best) continue;
        for (size_t k = i; k < n; k++) count += *c->order[from + k * step] == id;
        if (count > most) {
            most = count;
            best = id;
        }
    }
    *share = (double)most / ((double)n + 0.25);
    return best;
}

int32_t thx_corpus_next(const thx_corpus *c, const int32_t *ids, size_t n, double *share)
{
    const size_t deepest = n + 1 < DEPTH ? n + 1 : DEPTH;

    for (size_t depth = deepest; depth > 0; depth--) {
        const size_t from = bound(c, ids, n, depth, false), to = bound(c, ids, n, depth, true);

        if (from < to) return vote(c, from, to, share);
    }
    return -1;
}

/* ---- Drafter ---- */

thorax_status thx_drafter_init(thx_drafter *d, const thx_corpus *corpus, const thx_prompt *prompt, bool on,
                               thorax_error *err)
{
    *d = (thx_drafter){ .corpus = corpus, .on = on, .worth = 0.8, .account.row_cost = 0.15 };
    for (size_t i = 0; i < prompt->ids.size && on; i++)
        if (!prompt->image_tokens || i - prompt->image_at >= prompt->image_tokens)
            thx_ids_add(&d->seen, prompt->ids.data[i]);
    d->answer_at = d->seen.size;
    return d->seen.failed ? thx_fail(err, THORAX_NOMEM, 0, "out of memory") : THORAX_OK;
}

void thx_drafter_deinit(thx_drafter *d) { thx_ids_deinit(&d->seen); }

void thx_drafter_see(thx_drafter *d, int32_t id)
{
    if (!d->on) return;
    thx_ids_add(&d->seen, id);
    d->failed = d->seen.failed;
}

/* What followed the last time the end of ids [n] occurred in them: the longest such end. -1 = none. */
static int32_t seen_before(const int32_t *ids, size_t n, double *share)
{
    size_t  best = 1; /* one id alone says too little */
    int32_t next = -1;

    for (size_t p = n - 1; p > 0 && best < LOOK_BACK; p--) {
        size_t same = 0;

        while (same < p && same < LOOK_BACK && ids[p - 1 - same] == ids[n - 1 - same]) same++;
        if (same <= best) continue;
        best = same;
        next = ids[p];
    }
    *share = best >= 4 ? 0.7 : 0.4;
    return next;
}

static int32_t guess(const thx_drafter *d, const int32_t *ids, size_t n, double *share)
{
    double  other;
    int32_t id = d->corpus ? thx_corpus_next(d->corpus, ids + d->answer_at, n - d->answer_at, share) : -1;

    if (id < 0) *share = 0.0;
    if (*share > 0.5 || n < 2) return id;
    const int32_t again = seen_before(ids, n, &other);
    if (again < 0 || other <= *share) return id;
    *share = other;
    return again;
}

size_t thx_drafter_propose(thx_drafter *d, int32_t *out, size_t most)
{
    const size_t known = d->seen.size;
    double       right = 1.0, ids = 1.0, best = 1.0, share;
    size_t       n = 0;

    d->account.passes++;
    if (!d->on) return 0;
    d->worth += 0.02 * (0.5 - d->worth); /* what fell silent may try again */
    for (size_t k = 0; k < most; k++) {
        const int32_t id = guess(d, d->seen.data, d->seen.size, &share);

        if (id < 0) break;
        out[k] = id;
        thx_ids_add(&d->seen, id); /* guesses are guessed from; taken back below */
        if (d->seen.failed) break;
        right *= share * d->worth;
        ids += right;
        const double pays = ids / (1.0 + (double)(k + 1) * d->account.row_cost);
        if (pays > best) {
            best = pays;
            n = k + 1;
        } else if (right < 0.05) break;
    }
    d->seen.size = known;
    d->failed = d->seen.failed;
    return n;
}

void thx_drafter_judge(thx_drafter *d, size_t proposed, size_t accepted)
{
    d->account.proposed += (uint32_t)proposed;
    d->account.accepted += (uint32_t)accepted;
    /* ids behind the first wrong one were not judged */
    for (size_t i = 0; i < accepted; i++) d->worth += 0.1 * (1.0 - d->worth);
    if (accepted < proposed) d->worth -= 0.1 * d->worth;
}

void thx_drafter_time(thx_drafter *d, size_t rows, double seconds)
{
    if (rows == 1) d->one_s = d->one_s > 0.0 ? d->one_s + 0.2 * (seconds - d->one_s) : seconds;
    if (rows == 1 || d->one_s <= 0.0) return;
    double cost = (seconds / d->one_s - 1.0) / (double)(rows - 1);
    if (cost < 0.0) cost = 0.0;
    if (cost > 1.5) cost = 1.5;
    d->account.row_cost += 0.2 * (cost - d->account.row_cost);
}
