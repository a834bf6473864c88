/* thorax embed: films or texts to vectors, in a .npy file or an index; see embed.h. */
#include "cli/embed.h"

#include "base/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 /* rows between two appends */ };

/* ---- The model ---- */

static bool go_on(void *data)
{
    (void)data;
    return !cli_interrupted();
}

thorax_status cli_clip_open(cli_clip *c, const cli_values *v, thorax_error *err)
{
    const thx_engine_options o = cli_engine_options(v);
    const thx_precision      precision = cli_text(v, CLI_PRECISION) ? o.precision : THX_EXACT;

    *c = (cli_clip){ .values = v };
    cli_progress_init(&c->progress, cli_switch(v, CLI_QUIET));
    const int     level = o.cpu_level < 0 ? thx_cpu_level() : o.cpu_level;
    thorax_status st = thx_cpu_open(&c->ctx, level, precision, o.threads, err);
    if (st) return st;
    c->ctx->step = go_on;
    return thx_clip_open(&c->clip, c->ctx, cli_text(v, CLI_MODEL), err);
}

void cli_clip_close(cli_clip *c)
{
    cli_progress_clear(&c->progress);
    thx_clip_close(c->clip);
    if (c->ctx) thx_cpu_close(c->ctx);
}

const char *cli_kind_name(thx_index_kind kind) { return kind == THX_INDEX_FILM ? "film" : "text"; }

/* ---- Films ---- */

/* The one tile of a film. */
static thorax_status read_tile(const cli_clip *c, float *out, const char *path, thorax_error *err)
{
    thx_picture   picture;
    thx_tiles    *tiles = NULL;
    thorax_status st = cli_picture_open_at(&picture, c->values, path, err);

    if (!st) st = thx_tiles_open(&tiles, &picture, &c->clip->model->recipe, err);
    if (!st) thx_tiles_get(tiles, 0, out);
    thx_tiles_close(tiles);
    thx_picture_deinit(&picture);
    return st;
}

thorax_status cli_clip_films(cli_clip *c, float *out, char *const *paths, size_t n,
                             thorax_error *err)
{
    const size_t  side = c->clip->model->recipe.tile_px, area = 3 * side * side;
    const size_t  most = thx_clip_tiles_at_once(c->clip), at_once = n < most ? n : most;
    float        *tiles = malloc((at_once + 1) * area * sizeof *tiles);
    thorax_status st =
        tiles ? THORAX_OK
              : thx_fail(err, THORAX_NOMEM, 0, "no memory for the tiles of %zu films", at_once);

    for (size_t i = 0; i < n && !st; i += at_once) {
        const size_t now = at_once < n - i ? at_once : n - i;
        for (size_t k = 0; k < now && !st; k++)
            st = read_tile(c, tiles + k * area, paths[i + k], err);
        if (!st) st = thx_clip_embed_tiles(c->clip, out + i * c->clip->d, tiles, now, err);
        if (!st && !cli_progress_step(&c->progress, "films", i + now, n))
            st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
    }
    free(tiles);
    return st;
}

thorax_status cli_clip_inputs(cli_paths *films, const cli_values *v, thorax_error *err)
{
    thorax_status st = THORAX_OK;
    size_t        at = 0;

    for (const char *p; !st && (p = cli_next(v, CLI_IMAGE, &at));)
        st = cli_paths_collect(films, p, err);
    for (size_t i = 0; i < v->n_operands && !st; i++)
        st = cli_paths_collect(films, v->operands[i], err);
    return st;
}

/* ---- Where vectors go ---- */

typedef struct embedding {
    cli_clip       clip;
    cli_paths      inputs;
    thx_index_kind kind;
    const char    *out;
    size_t         done, failed;
    thorax_error   err;
} embedding;

static thorax_status embed_some(embedding *e, float *vectors, size_t first, size_t n)
{
    char *const *some = e->inputs.list + first;

    if (e->kind == THX_INDEX_FILM) return cli_clip_films(&e->clip, vectors, some, n, &e->err);
    return thx_clip_embed_texts(e->clip.clip, vectors, (const char *const *)some, n, &e->err);
}

static thorax_status append(embedding *e, const float *vectors, size_t first, size_t n)
{
    const thx_clip *c = e->clip.clip;

    return thx_index_append(e->out, c->model->identity, e->kind, vectors,
                            (const char *const *)(e->inputs.list + first), n, c->d, &e->err);
}

/* Whether a failure is of one film, so that the others can go on. */
static bool of_a_film(thorax_status st)
{
    return st == THORAX_FILM || st == THORAX_IO || st == THORAX_FORMAT || st == THORAX_LIMIT;
}

/* A chunk of which some film failed, film by film: what can be read goes into the index. */
static thorax_status append_singly(embedding *e, float *vectors, size_t first, size_t n)
{
    thorax_status st = THORAX_OK;

    for (size_t i = first; i < first + n && !st; i++) {
        st = embed_some(e, vectors, i, 1);
        if (st && of_a_film(st)) {
            cli_progress_clear(&e->clip.progress);
            cli_fail(e->clip.values, &e->err);
            e->failed++;
            st = THORAX_OK;
            continue;
        }
        if (!st) st = append(e, vectors, i, 1);
        e->done += !st;
    }
    return st;
}

static thorax_status to_index(embedding *e, float *vectors)
{
    thorax_status st = append(e, vectors, 0, 0); /* makes it, or says that it is another model's */

    for (size_t i = 0; i < e->inputs.n && !st; i += CHUNK) {
        const size_t n = CHUNK < e->inputs.n - i ? CHUNK : e->inputs.n - i;
        st = embed_some(e, vectors, i, n);
        if (st && of_a_film(st) && e->inputs.n > 1) {
            st = append_singly(e, vectors, i, n);
            continue;
        }
        if (!st) st = append(e, vectors, i, n);
        if (!st) e->done += n;
    }
    return st;
}

static thorax_status to_npy(embedding *e, float *vectors)
{
    const size_t    d = e->clip.clip->d;
    thx_npy_writer *w;
    thorax_status   st = thx_npy_begin(&w, e->out, "f4", (size_t[]){ e->inputs.n, d }, 2, &e->err);

    if (st) return st;
    for (size_t i = 0; i < e->inputs.n && !st; i += CHUNK) {
        const size_t n = CHUNK < e->inputs.n - i ? CHUNK : e->inputs.n - i;
        st = embed_some(e, vectors, i, n);
        if (!st) st = thx_npy_add(w, vectors, n * d * sizeof *vectors, &e->err);
        if (!st) e->done += n;
    }
    if (st)
        thx_npy_cancel(w);
    else
        st = thx_npy_end(w, &e->err);
    return st;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);

    return n >= m && !strcmp(text + n - m, end);
}

static int report(const embedding *e)
{
    const cli_values *v = e->clip.values;
    const size_t      d = e->clip.clip->d;

    if (cli_switch(v, CLI_JSON))
        return cli_print_json(v, json_pack("{s:I, s:I, s:I, s:s, s:s, s:o}", "rows",
                                           (json_int_t)e->done, "failed", (json_int_t)e->failed,
                                           "width", (json_int_t)d, "kind", cli_kind_name(e->kind),
                                           "model", e->clip.clip->model->identity, "out",
                                           cli_json_text(e->out, strlen(e->out))));
    printf("%s: %zu %s%s, vectors of %zu values\n", e->out, e->done, cli_kind_name(e->kind),
           e->done == 1 ? "" : "s", d);
    return CLI_OK;
}

static int run(embedding *e)
{
    const size_t d = e->clip.clip->d, most = e->inputs.n < CHUNK ? e->inputs.n : CHUNK;
    float       *vectors = malloc((most + 1) * d * sizeof *vectors);

    if (!vectors)
        return cli_fail_text(e->clip.values, CLI_NO_MEMORY, "no memory for %zu vectors", most);
    const thorax_status st = ends_with(e->out, ".npy") ? to_npy(e, vectors) : to_index(e, vectors);
    free(vectors);
    cli_progress_clear(&e->clip.progress);
    if (st) return cli_fail(e->clip.values, &e->err);
    const int code = report(e);
    return code ? code : e->failed ? CLI_SOME_FAILED : CLI_OK;
}

int cli_embed(const cli_values *v)
{
    const char *texts = cli_text(v, CLI_TEXTS);
    embedding   e = { .out = NULL };

    if (!cli_need(v, CLI_MODEL) || !(e.out = cli_need(v, CLI_OUTPUT))) return CLI_USAGE;
    const bool films = v->n_operands || cli_text(v, CLI_IMAGE);
    if (films == (texts != NULL))
        return cli_fail_text(v, CLI_USAGE, "expected films, or --texts FILE, and not both");
    e.kind = texts ? THX_INDEX_TEXT : THX_INDEX_FILM;
    thorax_status st =
        texts ? cli_texts_read(&e.inputs, texts, &e.err) : cli_clip_inputs(&e.inputs, v, &e.err);
    if (!st) st = cli_clip_open(&e.clip, v, &e.err);
    const int code = st ? cli_fail(v, &e.err) : run(&e);
    cli_clip_close(&e.clip);
    cli_paths_deinit(&e.inputs);
    return code;
}
