/* thorax bench open, prompt, decode, tower: the stages of a model, one at a time. */
#include "cli/bench.h"

#include "ops/cpu.h"

#include <stdlib.h>
#include <string.h>

enum { PROMPT_TOKENS = 512, DECODE_TOKENS = 64, TILES = 31 };

/* ---- Opening a folder ---- */

static thorax_status open_pass(bench *b, void *data, size_t run, double *value)
{
    const double        begin = cli_now();
    thx_engine         *e;
    const thorax_status st = cli_engine_open(&e, b->values, &b->err);

    (void)data;
    (void)run;
    *value = cli_now() - begin;
    thx_engine_close(e);
    return st;
}

thorax_status bench_open(bench *b)
{
    bench_figure f = { .unit = "s" };

    thx_engine_close(b->engine); /* so that memory is that of one engine */
    b->engine = NULL;
    bench_memory_init(&b->memory, b->memory.pid);
    thorax_status st = bench_measure(b, open_pass, NULL, BENCH_RUNS, &f.series);
    if (!st) st = bench_engine(b);
    return st ? st : bench_print(b, &f);
}

/* ---- Words ---- */

static const char *const words[] = {
    "the",   "heart", "size",   "is",    "normal", "lungs",   "are",    "clear", "no",   "sign",
    "of",    "fluid", "in",     "left",  "right",  "chest",   "with",   "small", "area", "at",
    "base",  "and",   "change", "since", "last",   "picture", "line",   "ends",  "over", "bone",
    "above", "soft",  "tissue", "under", "both",   "sides",   "without"
};
enum { WORDS = sizeof words / sizeof *words };

static thorax_status count_tokens(size_t *out, const thx_tokenizer *t, const char *text,
                                  size_t size, thorax_error *err)
{
    thx_ids             ids = { 0 };
    const thorax_status st = thx_tokenizer_encode(t, text, size, false, &ids, err);

    *out = ids.size;
    thx_ids_deinit(&ids);
    return st;
}

/* Tokens that a word with a blank before it adds to a text. */
static thorax_status count_added(size_t *out, const thx_tokenizer *t, const char *word, thorax_error *err)
{
    char text[24] = "the";
    size_t one;
    thorax_status st = count_tokens(&one, t, text, strlen(text), err);

    strcat(text, word);
    if (!st) st = count_tokens(out, t, text, strlen(text), err);
    if (!st) *out -= *out < one ? *out : one;
    return st;
}

/* Words become tokens one by one, so that their counts add up; the last word is cut until the whole
 * has the number wanted. */
thorax_status bench_words(thx_string *out, const thx_tokenizer *t, size_t tokens, size_t seed,
                          thorax_error *err)
{
    const size_t  begin = out->size;
    size_t        n = 0, last = begin, all;
    thorax_status st = THORAX_OK;
    uint64_t      state = seed * 2862933555777941757u + 3037000493u;

    while (n < tokens && !st) {
        size_t more = 0;
        char   word[16] = " ";
        state = state * 2862933555777941757u + 3037000493u;
        strcat(word, words[(state >> 33) % WORDS]);
        const char *text = n ? word : word + 1;
        last = out->size;
        thx_string_add(out, text, strlen(text));
        st = n ? count_added(&more, t, text, err) : count_tokens(&more, t, text, strlen(text), err);
        n += more;
    }
    if (out->failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the words");
    while (!st && out->size > last + 1) {
        st = count_tokens(&all, t, out->data + begin, out->size - begin, err);
        if (st || all <= tokens) break;
        out->data[--out->size] = 0;
    }
    return st;
}

/* Tokens of a message, and of the template around it. */
static thorax_status count_prompt(size_t *out, const thx_model *m, const char *content,
                                  thorax_error *err)
{
    const thx_message   message = { "user", content };
    thx_prompt          p = { 0 };
    const thorax_status st =
        thx_template_render(&p, m->chat, m->tokenizer, &message, 1, 0, m->image_id, err);

    *out = p.ids.size;
    thx_prompt_deinit(&p);
    return st;
}

/* A message that makes a prompt of `tokens` tokens, the template's among them. */
static thorax_status message_of(bench *b, thx_string *out, size_t tokens, size_t seed)
{
    const thx_model *m = thx_engine_model(b->engine);
    size_t           around, one;

    thorax_status st = count_prompt(&around, m, "the", &b->err);
    if (!st) st = count_tokens(&one, m->tokenizer, "the", 3, &b->err);
    if (st) return st;
    around -= around < one ? around : one;
    if (tokens <= around)
        return thx_fail(&b->err, THORAX_USAGE, 0, "--tokens: this model's template alone takes %zu",
                        around);
    return bench_words(out, m->tokenizer, tokens - around, seed, &b->err);
}

/* ---- Prompt and decode ---- */

typedef struct text_run {
    size_t tokens; /* asked for; then those of the prompt */
    size_t made;   /* tokens of the answer                */
} text_run;

/* A new session and other words each time: nothing is remembered but the first tokens of the
 * template. */
static thorax_status prompt_pass(bench *b, void *data, size_t run, double *value)
{
    text_run    *t = data;
    thx_string   text = { 0 };
    thx_session *s = NULL;
    thx_answer   a = { 0 };

    thorax_status st = message_of(b, &text, t->tokens, run);
    if (!st) st = thx_session_open(&s, b->engine, NULL, &b->err);
    if (!st) st = bench_ask(b, s, text.data, 1, true, false, &a);
    if (!st) {
        *value = a.prompt_s * a.prompt_tokens / (a.prompt_tokens - a.cached_tokens);
        t->made = a.prompt_tokens;
        thx_answer_deinit(&a);
    }
    thx_session_close(s);
    thx_string_deinit(&text);
    return st;
}

/* Multiply-adds of a prompt of T tokens, two operations each: the matrices, attention to what is
 * before, and the head for the last row. */
static double prompt_flop(const thx_decoder_config *c, double T)
{
    const double D = (double)c->D, heads = (double)(c->H * c->E), groups = (double)(c->G * c->E);
    const double matrices = D * (2 * heads + 2 * groups + 3 * (double)c->F);
    const double attention = 2 * heads * (T + 1) / 2;

    return 2 * T * (double)c->layers * (matrices + attention) + 2 * D * (double)c->V;
}

static thorax_status prompt_of(bench *b, size_t tokens)
{
    text_run     t = { .tokens = tokens };
    bench_series seconds;

    bench_memory_init(&b->memory, b->memory.pid);
    thorax_status st = bench_measure(b, prompt_pass, &t, BENCH_RUNS, &seconds);
    if (st) return st;
    const double flop = prompt_flop(&thx_engine_model(b->engine)->decoder.config, (double)t.made);
    st = bench_print(b, &(bench_figure){ .tokens = t.made,
                                         .unit = "tokens/s",
                                         .series = bench_rate(&seconds, (double)t.made) });
    if (!st)
        st = bench_print(b, &(bench_figure){ .tokens = t.made,
                                             .unit = "TFLOP/s",
                                             .series = bench_rate(&seconds, 1e-12 * flop) });
    return st;
}

/* Runs a bench for each --tokens, or for `otherwise`. */
static thorax_status for_each_count(bench *b, thorax_status (*run)(bench *, size_t),
                                    size_t otherwise)
{
    size_t        at = 0, n = 0;
    thorax_status st = bench_engine(b);

    for (const char *text; !st && (text = cli_next(b->values, CLI_TOKENS, &at)); n++)
        st = run(b, (size_t)strtoull(text, NULL, 10));
    return st || n ? st : run(b, otherwise);
}

thorax_status bench_prompt(bench *b) { return for_each_count(b, prompt_of, PROMPT_TOKENS); }

typedef struct decode_run {
    thx_session *session;
    size_t       tokens;
} decode_run;

/* Seconds a step: the first token comes from the prompt and is not one. */
static thorax_status decode_pass(bench *b, void *data, size_t run, double *value)
{
    decode_run *d = data;
    thx_answer  a;

    (void)run;
    const thorax_status st =
        bench_ask(b, d->session, "Describe the film.", d->tokens + 1, true, false, &a);
    if (st) return st;
    *value = a.decode_s / (double)(a.ids.size > 1 ? a.ids.size - 1 : 1);
    thx_answer_deinit(&a);
    return THORAX_OK;
}

static double matrix_bytes(const thx_weight *w)
{
    const uint64_t shape[] = { w->N, w->K };
    size_t         bytes;

    return thx_stored_bytes(&bytes, w->type, 2, shape) ? (double)bytes : 0.0;
}

static double dense_bytes(const thx_dense *l)
{
    if (!l->w) return 0.0; /* no gate */
    return matrix_bytes(l->w) + (l->down ? matrix_bytes(l->down) + matrix_bytes(l->up) : 0.0);
}

/* Bytes of the matrices that every step reads. */
static double step_bytes(const thx_decoder *d)
{
    double bytes = matrix_bytes(d->head);

    for (size_t i = 0; i < d->config.layers; i++) {
        const thx_decoder_layer *l = &d->layers[i];
        bytes += dense_bytes(&l->q) + dense_bytes(&l->k) + dense_bytes(&l->v) + dense_bytes(&l->o) +
                 dense_bytes(&l->gate) + dense_bytes(&l->up) + dense_bytes(&l->down);
    }
    return bytes;
}

static thorax_status decode_of(bench *b, size_t tokens)
{
    decode_run   d = { .tokens = tokens };
    bench_series seconds;

    bench_memory_init(&b->memory, b->memory.pid);
    thorax_status st = thx_session_open(&d.session, b->engine, NULL, &b->err);
    if (!st) st = bench_measure(b, decode_pass, &d, BENCH_RUNS, &seconds);
    thx_session_close(d.session);
    if (st) return st;
    const double bytes = step_bytes(&thx_engine_model(b->engine)->decoder);
    st = bench_print(
        b,
        &(bench_figure){ .tokens = tokens, .unit = "tokens/s", .series = bench_rate(&seconds, 1) });
    if (!st)
        st = bench_print(b, &(bench_figure){ .tokens = tokens,
                                             .unit = "GB/s",
                                             .series = bench_rate(&seconds, 1e-9 * bytes) });
    return st;
}

thorax_status bench_decode(bench *b) { return for_each_count(b, decode_of, DECODE_TOKENS); }

/* ---- The tower ---- */

typedef struct tower_run {
    thx_tiles *tiles;
    thx_tensor rows;
} tower_run;

static thorax_status tower_pass(bench *b, void *data, size_t run, double *value)
{
    const tower_run    *t = data;
    const double        begin = cli_now();
    const thorax_status st =
        thx_model_encode(thx_engine_model(b->engine), t->rows, t->tiles, NULL, &b->err);

    (void)run;
    *value = cli_now() - begin;
    return st;
}

/* A picture of noise that is cut into `tiles` tiles, or, with 0, into as many as there can be up
 * to TILES. */
static thorax_status noise(bench *b, thx_picture *out, size_t tiles)
{
    const thx_recipe *r = &thx_engine_model(b->engine)->recipe;
    size_t            best = 0, height = 0, width = 0;
    uint32_t          state = 1;

    for (uint32_t i = 0; i < r->n_pinpoints; i++) {
        const size_t rows = r->pinpoints[i][0] / r->tile_px, cols = r->pinpoints[i][1] / r->tile_px;
        const size_t n = rows * cols + 1;
        if (tiles ? n != tiles : n > TILES || n <= best) continue;
        best = n;
        height = r->pinpoints[i][0];
        width = r->pinpoints[i][1];
    }
    if (r->kind == THX_RECIPE_CROP && tiles <= 1) best = height = width = r->tile_px;
    if (!best)
        return thx_fail(&b->err, THORAX_USAGE, 0, "--tiles %zu: this model never cuts a film so",
                        tiles);
    *out = (thx_picture){ (uint32_t)width, (uint32_t)height, 1, malloc(width * height) };
    if (!out->data) return thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for a picture");
    for (size_t i = 0; i < width * height; i++) {
        state = state * 1664525u + 1013904223u;
        out->data[i] = (unsigned char)(state >> 24);
    }
    return THORAX_OK;
}

/* Multiply-adds of one tile through tower and projector, two operations each. */
static double tile_flop(const thx_model *m)
{
    const thx_vit_config *c = &m->vit.config;
    const double P = (double)thx_vit_patches(c), Dv = (double)c->D, D = (double)m->projector.D;
    const double patch = (double)(c->channels * c->patch_px * c->patch_px);
    const double layer = P * Dv * (4 * Dv + 2 * (double)c->F) + 2 * P * P * Dv;

    return 2 * (P * patch * Dv + (double)c->layers * layer + P * D * (Dv + D));
}

static thorax_status tower_of(bench *b, const thx_picture *picture)
{
    const thx_model *m = thx_engine_model(b->engine);
    const size_t     D = m->decoder.config.D;
    tower_run        t;
    bench_series     seconds;

    thorax_status st = thx_tiles_open(&t.tiles, picture, &m->recipe, &b->err);
    if (st) return st;
    const thx_geometry g = *thx_tiles_geometry(t.tiles);
    t.rows = (thx_tensor){ malloc(g.image_tokens * D * sizeof(float)), g.image_tokens, D, D };
    if (!t.rows.data) st = thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for the rows");
    if (!st) st = bench_measure(b, tower_pass, &t, BENCH_RUNS, &seconds);
    free(t.rows.data);
    thx_tiles_close(t.tiles);
    if (st) return st;
    st = bench_print(b, &(bench_figure){ .tokens = g.image_tokens,
                                         .unit = "tiles/s",
                                         .series = bench_rate(&seconds, g.tiles) });
    if (st) return st;
    const double flop = tile_flop(m) * g.tiles;
    return bench_print(b, &(bench_figure){ .tokens = g.image_tokens,
                                           .unit = "TFLOP/s",
                                           .series = bench_rate(&seconds, 1e-12 * flop) });
}

thorax_status bench_tower(bench *b)
{
    const bool  film = cli_text(b->values, CLI_IMAGE);
    thx_picture drawn = { 0 };

    thorax_status st = bench_engine(b);
    if (!st && film) st = bench_film(b);
    if (!st && !film) st = noise(b, &drawn, (size_t)cli_count(b->values, CLI_TILES, 0));
    bench_memory_init(&b->memory, b->memory.pid);
    if (!st) st = tower_of(b, film ? &b->picture : &drawn);
    thx_picture_deinit(&drawn);
    return st;
}
