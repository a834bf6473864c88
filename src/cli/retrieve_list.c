/* thorax retrieve --list: how high what belongs together stands; see embed.h. */
#include "cli/embed.h"
#include "metrics/ranking.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names of the index, to be looked up ---- */

typedef struct named {
    const char *name;
    size_t      size, row;
} named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int    order = memcmp(x->name, y->name, x->size < y->size ? x->size : y->size);

    if (order) return order;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

typedef struct ranking {
    cli_clip        *clip;
    const thx_index *index;
    named           *names; /* [rows], sorted */
    bool             texts; /* the index holds texts */
    size_t          *ranks; /* [pairs] */
    thorax_error     err;
} ranking;

static thorax_status sort_names(ranking *r)
{
    const size_t n = thx_index_count(r->index);

    r->names = calloc(n + 1, sizeof *r->names);
    if (!r->names) return thx_fail(&r->err, THORAX_NOMEM, 0, "no memory for %zu names", n);
    for (size_t i = 0; i < n; i++) {
        r->names[i].name = thx_index_name(r->index, i, &r->names[i].size);
        r->names[i].row = i;
        r->texts |= thx_index_kind_of(r->index, i) == THX_INDEX_TEXT;
    }
    qsort(r->names, n, sizeof *r->names, by_name);
    return THORAX_OK;
}

/* The first entry of this name, or the number of entries. */
static size_t find_name(const ranking *r, const char *name, size_t size)
{
    const size_t n = thx_index_count(r->index);
    const named  key = { name, size, 0 };
    size_t       low = 0, high = n;

    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (by_name(&r->names[mid], &key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && r->names[low].size == size && !memcmp(r->names[low].name, name, size) ? low
                                                                                            : n;
}

/* ---- Ranks ---- */

/* What is asked, and what should be found: a text looks for its film unless the index holds texts. */
static bool asks_with_film(const ranking *r, const cli_pair *p)
{
    return p->film && (!p->text || r->texts);
}

static const char *target_of(const ranking *r, const cli_pair *p)
{
    return p->target ? p->target : asks_with_film(r, p) ? p->text : p->film;
}

/* The best rank of the rows that bear the target's name. */
static thorax_status rank_of(ranking *r, size_t *rank, const float *vector, const cli_pair *p)
{
    const char  *target = target_of(r, p);
    const size_t size = strlen(target), n = thx_index_count(r->index),
                 first = find_name(r, target, size);
    float score;

    if (first == n)
        return thx_fail(&r->err, THORAX_USAGE, 0, "'%.100s' is not in the index", target);
    *rank = SIZE_MAX;
    for (size_t i = first;
         i < n && r->names[i].size == size && !memcmp(r->names[i].name, target, size); i++) {
        size_t              one;
        const thorax_status st =
            thx_index_rank(r->clip->ctx, r->index, vector, r->names[i].row, &one, &score, &r->err);
        if (st) return st;
        if (one < *rank) *rank = one;
    }
    return THORAX_OK;
}

/* The queries of one kind among the pairs, embedded together. */
static thorax_status rank_kind(ranking *r, const cli_pairs *p, bool films)
{
    const size_t  d = r->clip->clip->d;
    char        **queries = calloc(p->n + 1, sizeof *queries);
    float        *vectors = malloc((p->n + 1) * d * sizeof *vectors);
    size_t        n = 0;
    thorax_status st = queries && vectors
                           ? THORAX_OK
                           : thx_fail(&r->err, THORAX_NOMEM, 0, "no memory for %zu vectors", p->n);

    for (size_t i = 0; i < p->n && !st; i++)
        if (asks_with_film(r, &p->list[i]) == films)
            queries[n++] = films ? p->list[i].film : p->list[i].text;
    if (!st && n && films) st = cli_clip_films(r->clip, vectors, queries, n, &r->err);
    if (!st && n && !films)
        st = thx_clip_embed_texts(r->clip->clip, vectors, (const char *const *)queries, n, &r->err);
    for (size_t i = 0, k = 0; i < p->n && !st; i++)
        if (asks_with_film(r, &p->list[i]) == films)
            st = rank_of(r, &r->ranks[i], vectors + k++ * d, &p->list[i]);
    free(queries);
    free(vectors);
    return st;
}

/* ---- Figures ---- */

/* The median as the original takes it: of ranks from 0, rounded down, plus 1. */
static int print_figures(ranking *r, size_t n)
{
    const cli_values   *v = r->clip->values;
    thx_ranking         f;
    const thorax_status st = thx_ranking_of(&f, r->ranks, n, &r->err);

    if (st) return cli_fail(v, &r->err);
    f.median = floor(f.median);
    if (cli_switch(v, CLI_JSON)) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, json_integer((json_int_t)r->ranks[i]));
        return cli_print_json(
            v, json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o}", "queries", (json_int_t)n,
                         "rows", (json_int_t)thx_index_count(r->index), "R@1", f.recall[0], "R@5",
                         f.recall[1], "R@10", f.recall[2], "mean_rank", f.mean, "median_rank",
                         f.median, "ranks", list));
    }
    printf("queries      %zu of %zu rows\n", n, thx_index_count(r->index));
    for (size_t k = 0; k < THX_RANK_CUTS; k++)
        printf("R@%-2zu         %.4f\n", thx_rank_cuts[k], f.recall[k]);
    printf("mean rank    %.2f\nmedian rank  %.0f\n", f.mean, f.median);
    return CLI_OK;
}

int cli_retrieve_list(cli_clip *c, const thx_index *x, const char *path)
{
    cli_pairs     pairs;
    ranking       r = { .clip = c, .index = x };
    thorax_status st = cli_pairs_read(&pairs, path, &r.err);

    if (st) return cli_fail(c->values, &r.err);
    r.ranks = calloc(pairs.n, sizeof *r.ranks);
    st = r.ranks ? sort_names(&r)
                 : thx_fail(&r.err, THORAX_NOMEM, 0, "no memory for %zu ranks", pairs.n);
    if (!st) st = rank_kind(&r, &pairs, true);
    if (!st) st = rank_kind(&r, &pairs, false);
    cli_progress_clear(&c->progress);
    const int code = st ? cli_fail(c->values, &r.err) : print_figures(&r, pairs.n);
    free(r.ranks);
    free(r.names);
    cli_pairs_deinit(&pairs);
    return code;
}
