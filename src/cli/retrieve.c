/* thorax retrieve: the rows of an index nearest to a film or a text; see embed.h. */
#include "cli/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST = 10, NEAREST_MAX = 1 << 20 };

typedef struct retrieval {
    cli_clip     clip;
    thx_index   *index;
    thx_hit     *hits; /* [k] */
    size_t       k;
    thorax_error err;
} retrieval;

/* ---- Output ---- */

/* A name on one line of a terminal. */
static void print_name(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++)
        putchar((unsigned char)name[i] < 0x20 || name[i] == 0x7f ? ' ' : name[i]);
    putchar('\n');
}

static json_t *hit_json(const thx_index *x, const thx_hit *h, size_t rank)
{
    size_t      size;
    const char *name = thx_index_name(x, h->row, &size);

    return json_pack("{s:I, s:f, s:I, s:o}", "rank", (json_int_t)rank, "score", (double)h->score,
                     "row", (json_int_t)h->row, cli_kind_name(thx_index_kind_of(x, h->row)),
                     cli_json_text(name, size));
}

static int print_hits(const retrieval *r, thx_index_kind kind, const char *query, size_t n,
                      bool heading)
{
    const cli_values *v = r->clip.values;
    json_t           *list = json_array();

    if (cli_switch(v, CLI_JSON)) {
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, hit_json(r->index, &r->hits[i], i + 1));
        return cli_print_json(v, json_pack("{s:{s:o}, s:I, s:o}", "query", cli_kind_name(kind),
                                           cli_json_text(query, strlen(query)), "rows",
                                           (json_int_t)thx_index_count(r->index), "hits", list));
    }
    json_decref(list);
    if (heading) printf("%s\n", query);
    for (size_t i = 0; i < n; i++) {
        size_t      size;
        const char *name = thx_index_name(r->index, r->hits[i].row, &size);
        printf("%4zu  %8.6f  %s  ", i + 1, (double)r->hits[i].score,
               cli_kind_name(thx_index_kind_of(r->index, r->hits[i].row)));
        print_name(name, size);
    }
    return CLI_OK;
}

/* ---- One query after the other ---- */

static int one(retrieval *r, thx_index_kind kind, char *query, bool heading)
{
    const thx_clip *c = r->clip.clip;
    float          *vector = malloc(c->d * sizeof *vector);
    size_t          n = 0;
    thorax_status   st;

    if (!vector) return cli_fail_text(r->clip.values, CLI_NO_MEMORY, "no memory for a vector");
    if (kind == THX_INDEX_FILM)
        st = cli_clip_films(&r->clip, vector, &query, 1, &r->err);
    else
        st = thx_clip_embed_texts(c, vector, (const char *const *)&query, 1, &r->err);
    if (!st) st = thx_index_search(r->clip.ctx, r->index, vector, r->k, r->hits, &n, &r->err);
    free(vector);
    cli_progress_clear(&r->clip.progress);
    return st ? cli_fail(r->clip.values, &r->err) : print_hits(r, kind, query, n, heading);
}

static int all_queries(retrieval *r, cli_paths *films, const char *text)
{
    size_t failed = 0;
    char  *copy = text ? strdup(text) : NULL;

    if (text) {
        const int code = copy
                             ? one(r, THX_INDEX_TEXT, copy, false)
                             : cli_fail_text(r->clip.values, CLI_NO_MEMORY, "no memory for a text");
        free(copy);
        return code;
    }
    for (size_t i = 0; i < films->n; i++) {
        const int code = one(r, THX_INDEX_FILM, films->list[i], films->n > 1);
        if (code && (films->n == 1 || code == CLI_INTERRUPTED || code == CLI_NO_MEMORY))
            return code;
        failed += code != CLI_OK;
    }
    return failed ? CLI_SOME_FAILED : CLI_OK;
}

static thorax_status open_index(retrieval *r, const char *path)
{
    const cli_values *v = r->clip.values;
    thorax_status     st = thx_index_open(&r->index, path, r->clip.clip->model->identity, &r->err);

    if (!st && cli_switch(v, CLI_CHECK)) st = thx_index_check(r->index, &r->err);
    if (!st && thx_index_width(r->index) != r->clip.clip->d)
        st = thx_fail(&r->err, THORAX_MODEL, 0,
                      "%s: index of vectors of %zu values, the model has %zu", path,
                      thx_index_width(r->index), r->clip.clip->d);
    if (st) return st;
    r->k = (size_t)cli_count(v, CLI_NEAREST, NEAREST);
    if (r->k > thx_index_count(r->index)) r->k = thx_index_count(r->index);
    r->hits = calloc(r->k + 1, sizeof *r->hits);
    return r->hits ? THORAX_OK : thx_fail(&r->err, THORAX_NOMEM, 0, "no memory for %zu hits", r->k);
}

/* Exactly one of films, --text, --list. */
static bool one_kind(const cli_values *v)
{
    const bool films = v->n_operands || cli_text(v, CLI_IMAGE);
    const int  n = films + (cli_text(v, CLI_TEXT_OPTION) != NULL) + (cli_text(v, CLI_LIST) != NULL);

    if (n == 1) return true;
    cli_fail_text(v, CLI_USAGE, "expected one of: a film, --text T, --list FILE");
    return false;
}

int cli_retrieve(const cli_values *v)
{
    const char *path, *list = cli_text(v, CLI_LIST);
    cli_paths   films = { 0 };
    retrieval   r = { .index = NULL };

    if (!cli_need(v, CLI_MODEL) || !(path = cli_need(v, CLI_INDEX)) || !one_kind(v))
        return CLI_USAGE;
    thorax_status st = cli_clip_inputs(&films, v, &r.err);
    if (!st) st = cli_clip_open(&r.clip, v, &r.err);
    if (!st) st = open_index(&r, path);
    const int code = st     ? cli_fail(v, &r.err)
                     : list ? cli_retrieve_list(&r.clip, r.index, list)
                            : all_queries(&r, &films, cli_text(v, CLI_TEXT_OPTION));
    free(r.hits);
    thx_index_close(r.index);
    cli_clip_close(&r.clip);
    cli_paths_deinit(&films);
    return code;
}
