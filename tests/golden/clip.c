/* CLIP-type models: ids, vectors, similarities, ranks and figures against the original's, and `thorax embed`'s files.
 * */
#include "golden.h"

#include "base/hash.h"
#include "base/npy.h"
#include "base/string.h"
#include "model/clip.h"
#include "prep/prep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct set {
    golden       *g;
    const json_t *expect;
    thx_ctx      *ctx;
    thx_clip     *clip;
    size_t        films, texts, d;
    float        *images, *words; /* [films, d], [texts, d] */
    thorax_error  err;
} set;

/* ---- Comparison ---- */

static double limit_of(const set *s, const char *name)
{
    return json_number_value(json_object_get(json_object_get(s->expect, "limits"), name));
}

/* Values against those of a file: the largest difference over the largest value. */
static void compare(set *s, const char *key, const char *what, const float *got, size_t rows,
                    size_t cols, double limit)
{
    thx_npy npy;
    double  worst = 0, peak = 0;

    if (thx_npy_read(&npy, golden_path(s->g, golden_text(s->expect, key)), &s->err)) {
        golden_check(s->g, false, what, "%s", s->err.text);
        return;
    }
    const bool fits =
        !strcmp(npy.type, "f4") && npy.rank == 2 && npy.shape[0] == rows && npy.shape[1] == cols;
    for (size_t i = 0; fits && i < npy.count; i++) {
        const double want = ((const float *)npy.data)[i], off = fabs((double)got[i] - want);
        peak = fmax(peak, fabs(want));
        if (!(off <= worst)) worst = off;
    }
    golden_check(s->g, fits && worst <= limit * peak, what, "error %.2g of the peak, limit %.2g",
                 worst / peak, limit);
    thx_npy_deinit(&npy);
}

/* out [n, m] = a [n, d] · b [m, d]ᵀ */
static float *products(const float *a, size_t n, const float *b, size_t m, size_t d)
{
    float *out = malloc((n * m + 1) * sizeof *out);

    for (size_t i = 0; out && i < n * m; i++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++) sum += (double)a[i / m * d + k] * b[i % m * d + k];
        out[i] = (float)sum;
    }
    return out;
}

/* ---- Vectors ---- */

static thorax_status embed_film(set *s, float *out, const char *path, char sha256[65])
{
    const size_t  side = s->clip->model->recipe.tile_px, n = 3 * side * side;
    float        *tile = malloc(n * sizeof *tile);
    thx_film     *film = NULL;
    thx_picture   picture = { 0 };
    thx_tiles    *tiles = NULL;
    thorax_status st = tile ? thx_film_open(&film, path, NULL, &s->err) : THORAX_NOMEM;

    if (!st) st = thx_film_render(&picture, film, THX_PROFILE_DISPLAY, &s->err);
    if (!st) st = thx_tiles_open(&tiles, &picture, &s->clip->model->recipe, &s->err);
    if (!st) {
        thx_tiles_get(tiles, 0, tile);
        thx_sha256_of(tile, n * sizeof *tile, sha256);
        st = thx_clip_embed_tiles(s->clip, out, tile, 1, &s->err);
    }
    thx_tiles_close(tiles);
    thx_picture_deinit(&picture);
    thx_film_close(film);
    free(tile);
    return st;
}

/* Films are named from the folder above that of the sets. */
static const char *film_path(const set *s, const json_t *film)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/../%s", s->g->root, golden_text(film, "film"));
    return path;
}

static void check_films(set *s)
{
    const json_t *film;
    size_t        i;

    json_array_foreach(json_object_get(s->expect, "films"), i, film)
    {
        char sha256[65] = "";
        if (embed_film(s, s->images + i * s->d, film_path(s, film), sha256))
            golden_check(s->g, false, golden_text(film, "film"), "%s", s->err.text);
        else
            golden_check(s->g, !strcmp(sha256, golden_text(film, "tiles_sha256")),
                         golden_text(film, "film"), "tile");
    }
    compare(s, "images", "films", s->images, s->films, s->d, limit_of(s, "embeddings"));
}

/* From the original's ids, so that tower and tokenizer are judged apart. */
static void check_tower(set *s)
{
    const json_t *text, *id;
    size_t       *ends = calloc(s->texts + 1, sizeof *ends), i, k;
    thx_ids       ids = { 0 };

    if (!ends) return;
    json_array_foreach(json_object_get(s->expect, "texts"), i, text)
    {
        json_array_foreach(json_object_get(text, "ids"), k, id)
            thx_ids_add(&ids, (int32_t)json_integer_value(id));
        ends[i] = ids.size;
    }
    if (thx_clip_embed_ids(s->clip, s->words, &ids, ends, s->texts, &s->err))
        golden_check(s->g, false, "text tower", "%s", s->err.text);
    else
        compare(s, "embeddings_text", "text tower", s->words, s->texts, s->d,
                limit_of(s, "embeddings"));
    thx_ids_deinit(&ids);
    free(ends);
}

static bool same_ids(const thx_ids *got, const json_t *want)
{
    if (got->size != json_array_size(want)) return false;
    for (size_t i = 0; i < got->size; i++)
        if (got->data[i] != json_integer_value(json_array_get(want, i))) return false;
    return true;
}

static void check_ids(set *s)
{
    const json_t *text;
    size_t        i;

    json_array_foreach(json_object_get(s->expect, "texts"), i, text)
    {
        const char *words = golden_text(text, "text");
        char        name[32];
        thx_ids     ids = { 0 };
        snprintf(name, sizeof name, "text %zu", i);
        if (thx_clip_tokenize(s->clip, &ids, words, strlen(words), &s->err))
            golden_check(s->g, false, name, "%s", s->err.text);
        else
            golden_check(s->g, same_ids(&ids, json_object_get(text, "ids")), name, "%zu ids",
                         ids.size);
        thx_ids_deinit(&ids);
    }
}

/* ---- Retrieval ---- */

/* Ranks of the diagonal of score [n, n] by rows, or by columns. */
static void rank_diagonal(size_t *ranks, const float *score, size_t n, bool columns)
{
    for (size_t i = 0; i < n; i++) {
        ranks[i] = 1;
        for (size_t k = 0; k < n; k++)
            ranks[i] += score[columns ? k * n + i : i * n + k] > score[i * n + i];
    }
}

static int ascending(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void check_metric(set *s, const char *direction, const char *what, double got)
{
    char name[80];

    snprintf(name, sizeof name, "%s_%s", direction, what);
    const double want =
        json_number_value(json_object_get(json_object_get(s->expect, "metrics"), name));
    golden_check(s->g, fabs(got - want) <= 1e-9, name, "%g", got);
}

static void check_ranks(set *s, const char *direction, size_t *ranks, size_t n)
{
    static const size_t at[] = { 1, 5, 10 };
    const json_t       *want = json_object_get(json_object_get(s->expect, "ranks"), direction);
    double              mean = 0;
    bool                same = json_array_size(want) == n;
    char                name[16];

    for (size_t i = 0; i < n; i++) {
        same = same && ranks[i] == (size_t)json_integer_value(json_array_get(want, i));
        mean += (double)ranks[i] / (double)n;
    }
    golden_check(s->g, same, direction, "ranks of %zu", n);
    qsort(ranks, n, sizeof *ranks, ascending);
    for (size_t k = 0; k < 3; k++) {
        size_t found = 0;
        for (size_t i = 0; i < n; i++) found += ranks[i] <= at[k];
        snprintf(name, sizeof name, "R@%zu", at[k]);
        check_metric(s, direction, name, (double)found / (double)n);
    }
    check_metric(s, direction, "mean_rank", mean);
    check_metric(s, direction, "median_rank", (double)((ranks[(n - 1) / 2] + ranks[n / 2]) / 2));
}

static void check_retrieval(set *s)
{
    float *pairs = products(s->images, s->films, s->words, s->texts, s->d),
          *films = products(s->images, s->films, s->images, s->films, s->d);
    size_t *ranks = calloc(s->films + 1, sizeof *ranks);

    if (pairs && films && ranks) {
        compare(s, "similarity", "similarity", pairs, s->films, s->texts,
                limit_of(s, "similarity"));
        compare(s, "film_film", "film to film", films, s->films, s->films,
                limit_of(s, "similarity"));
    }
    if (pairs && ranks && s->films == s->texts) {
        rank_diagonal(ranks, pairs, s->films, false);
        check_ranks(s, "image_to_text", ranks, s->films);
        rank_diagonal(ranks, pairs, s->films, true);
        check_ranks(s, "text_to_image", ranks, s->films);
    }
    const double want = json_number_value(json_object_get(s->expect, "logit_scale_exp"));
    golden_check(s->g, fabs(s->clip->logit_scale - want) <= 1e-5 * want, "logit scale", "%g",
                 s->clip->logit_scale);
    free(pairs);
    free(films);
    free(ranks);
}

/* ---- The program ---- */

/* Runs `thorax embed MODEL ARGUMENTS -o FILE.npy` and compares the file. */
static void check_embed(set *s, const char *what, const char *arguments, size_t rows)
{
    char       out[64], name[32];
    thx_string line = { 0 };
    thx_npy    npy;

    snprintf(out, sizeof out, "/tmp/golden-clip-%ld.npy", (long)getpid());
    snprintf(name, sizeof name, "embed %s", what);
    thx_string_printf(&line, "'%s' embed -q --precision f32 -m '%s' %s -o %s >&2", s->g->program,
                      s->clip->model->folder, arguments, out);
    const int code = line.failed ? -1 : system(line.data);
    thx_string_deinit(&line);
    if (code || thx_npy_read(&npy, out, &s->err)) {
        golden_check(s->g, false, name, "exit status %d", code);
        return;
    }
    if (npy.rank == 2 && npy.shape[0] == rows && npy.shape[1] == s->d && !strcmp(npy.type, "f4"))
        compare(s, !strcmp(what, "films") ? "images" : "embeddings_text", name, npy.data, rows,
                s->d, limit_of(s, "embeddings"));
    else
        golden_check(s->g, false, name, "another shape");
    thx_npy_deinit(&npy);
    unlink(out);
}

static void check_program(set *s)
{
    const json_t *film, *text;
    json_t       *list = json_array();
    thx_string    films = { 0 }, texts = { 0 };
    char          file[64];
    size_t        i;

    snprintf(file, sizeof file, "/tmp/golden-clip-%ld.json", (long)getpid());
    json_array_foreach(json_object_get(s->expect, "films"), i, film)
        thx_string_printf(&films, " '%s'", film_path(s, film));
    json_array_foreach(json_object_get(s->expect, "texts"), i, text)
        json_array_append(list, json_object_get(text, "text"));
    thx_string_printf(&texts, "--texts %s", file);
    if (!films.failed && !texts.failed && !json_dump_file(list, file, 0)) {
        check_embed(s, "films", films.data, s->films);
        check_embed(s, "texts", texts.data, s->texts);
    }
    unlink(file);
    json_decref(list);
    thx_string_deinit(&films);
    thx_string_deinit(&texts);
}

/* ---- The set ---- */

static void check_all(set *s)
{
    s->films = json_array_size(json_object_get(s->expect, "films"));
    s->texts = json_array_size(json_object_get(s->expect, "texts"));
    s->d = golden_number(s->expect, "dim");
    if (!golden_check(s->g, s->d == s->clip->d, "width", "%zu", s->clip->d)) return;
    s->images = calloc(s->films * s->d + 1, sizeof *s->images);
    s->words = calloc(s->texts * s->d + 1, sizeof *s->words);
    if (s->images && s->words) {
        check_films(s);
        check_tower(s);
        check_ids(s);
        check_retrieval(s);
        if (s->g->program) check_program(s);
    }
    free(s->images);
    free(s->words);
}

void golden_clip(golden *g)
{
    json_t *expect = golden_json(g, "expect.json");
    set     s = { .g = g, .expect = expect };

    if (!expect) return;
    if (thx_cpu_open(&s.ctx, thx_cpu_level(), THX_EXACT, 0, &s.err) ||
        thx_clip_open(&s.clip, s.ctx, golden_path(g, golden_text(expect, "model")), &s.err))
        golden_check(g, false, "model", "%s", s.err.text);
    else
        check_all(&s);
    thx_clip_close(s.clip);
    if (s.ctx) thx_cpu_close(s.ctx);
    json_decref(expect);
}
