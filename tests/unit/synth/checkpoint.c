/* Random checkpoints: the published sizes to the last parameter, values that every type holds alike,
 * folders that open, and nothing replaced that was not made here. */
#include "place.h"
#include "base/file.h"
#include "synth/checkpoint.h"
#include "synth/checkpoint_plan.h"
#include "synth/checkpoint_stage.h"
#include "synth/checkpoint_values.h"
#include "synth/checkpoint_vocabulary.h"
#include "text/text.h"
#include "weights/weights.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>

static size_t files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static thx_checkpoint_options tiny(uint64_t seed, const char *dtype)
{
    return (thx_checkpoint_options){ .arch = "tiny", .seed = seed, .dtype = dtype };
}

static void write_tiny(const thx_checkpoint_options *o, const char *folder)
{
    thorax_error err;
    assert_ok(thx_checkpoint_write(o, folder, NULL, &err), err);
}

static thx_weights *opened(const char *folder)
{
    thorax_error err;
    thx_weights *w;
    assert_ok(thx_weights_open(&w, folder, &err), err);
    return w;
}

/* The one plan of c. */
static const thx_tensor_plan *plan_of(thx_checkpoint *c, thx_arena **arena, const thx_checkpoint_options *o)
{
    thorax_error err;

    assert_ok(thx_arena_open(arena, 0, &err), err);
    assert_ok(thx_checkpoint_init(c, o, &err), err);
    assert_ok(thx_checkpoint_plan(c, *arena, &err), err);
    assert_int_equal(c->n_plans, 1);
    return &c->plans[0];
}

static const thx_planned *planned(const thx_tensor_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!strcmp(plan->tensors[i].name, name)) return &plan->tensors[i];
    return NULL;
}

/* The figures of the published models. */
static void published_sizes(void **state)
{
    static const struct {
        const char *arch, *dtype;
        size_t tensors, shards;
        uint64_t values, bytes;
    } cases[] = {
        { "radvlm-7b", "f16", 765, 4, 8030807584, 16061615168 },
        { "radvlm-7b", "f32", 765, 7, 8030807584, 32123230336 },
        { "llava-onevision-0.5b", "bf16", 716, 1, 893675552, 1787351104 },
    };

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        thx_checkpoint_options o = { .arch = cases[c].arch, .dtype = cases[c].dtype };
        thx_checkpoint checkpoint;
        thx_arena *arena;
        const thx_tensor_plan *plan = plan_of(&checkpoint, &arena, &o);

        assert_int_equal(plan->count, cases[c].tensors);
        assert_int_equal(plan->values, cases[c].values);
        assert_int_equal(plan->bytes, cases[c].bytes);
        assert_int_equal(plan->n_shards, cases[c].shards);
        for (size_t s = 0; s < plan->n_shards; s++) assert_true(plan->shard_bytes[s] <= 5000000000);
        if (!c) {
            const thx_planned *k = planned(plan, "language_model.model.layers.27.self_attn.k_proj.weight");
            const thx_planned *p =
                planned(plan, "vision_tower.vision_model.embeddings.patch_embedding.weight");

            assert_non_null(k);
            assert_int_equal(k->shape[0], 512);
            assert_int_equal(k->shape[1], 3584);
            assert_int_equal(p->rank, 4);
            assert_int_equal(p->count, 1152 * 3 * 14 * 14);
            assert_int_equal(planned(plan, "language_model.lm_head.weight")->shape[0], 152128);
            assert_null(planned(plan, "vision_tower.vision_model.encoder.layers.26.mlp.fc1.bias"));
        } else if (c == 2) {
            assert_null(planned(plan, "language_model.lm_head.weight"));
        }
        thx_arena_close(arena);
    }
}

static float value_at(const thx_view *v, uint64_t i)
{
    uint16_t h;
    float f;

    if (v->type == THX_F32) {
        memcpy(&f, (const char *)v->data + 4 * i, 4);
        return f;
    }
    memcpy(&h, (const char *)v->data + 2 * i, 2);
    return v->type == THX_F16 ? thx_f32_from_f16(h) : thx_f32_from_bf16(h);
}

/* f16, bf16 and f32 of a seed hold the same numbers: none is lost in any step between them. */
static void one_model_in_three_types(void **state)
{
    static const char *const dtypes[] = { "f16", "bf16", "f32" };
    thx_weights *w[3];
    place p[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        thx_checkpoint_options o = tiny(7, dtypes[i]);

        o.outlier_channels = 3;
        place_open(&p[i]);
        write_tiny(&o, p[i].folder);
        w[i] = opened(p[i].folder);
    }
    assert_int_equal(thx_weights_count(w[0]), 69);
    for (size_t t = 0; t < thx_weights_count(w[0]); t++) {
        const thx_view *a = thx_weights_at(w[0], t), *b = thx_weights_find(w[1], a->name),
                       *c = thx_weights_find(w[2], a->name);
        const thx_value_count odd = thx_view_count_values(a);

        assert_int_equal(odd.inf + odd.nan + odd.not_bf16, 0);
        assert_true(a->type == THX_F16 && b->type == THX_BF16 && c->type == THX_F32);
        for (uint64_t i = 0; i < a->count; i++) {
            const float x = value_at(a, i);

            assert_true(x == value_at(b, i) && x == value_at(c, i));
            assert_true(x == 0 || fabsf(x) >= 0x1p-14f); /* no subnormal half */
        }
    }
    for (int i = 0; i < 3; i++) {
        thx_weights_close(w[i]);
        place_close(&p[i]);
    }
}

static void spread_of(const thx_view *v, double *mean, double *std)
{
    double sum = 0, squares = 0;

    for (uint64_t i = 0; i < v->count; i++) {
        const double x = value_at(v, i);
        sum += x;
        squares += x * x;
    }
    *mean = sum / (double)v->count;
    *std = sqrt(squares / (double)v->count - *mean * *mean);
}

static void values_are_normal(void **state)
{
    thx_checkpoint_options o = tiny(1, "f16");
    thx_checkpoint checkpoint;
    thx_arena *arena;
    place p;
    float *z = malloc(THX_NOISE_LEVELS * sizeof *z);

    (void)state;
    thx_normal_table(z);
    assert_true(fabs(z[63897] - 1.959964) < 2e-4); /* 97.5 % */
    for (int i = 1; i < THX_NOISE_LEVELS; i++) assert_true(z[i] > z[i - 1]);
    free(z);

    place_open(&p);
    write_tiny(&o, p.folder);
    const thx_tensor_plan *plan = plan_of(&checkpoint, &arena, &o);
    thx_weights *w = opened(p.folder);
    for (size_t i = 0; i < plan->count; i++) {
        const thx_planned *t = &plan->tensors[i];
        double mean, std;

        spread_of(thx_weights_find(w, t->name), &mean, &std);
        assert_true(fabs(mean - t->mean) < 5 * t->std / sqrt((double)t->count) + 1e-3 * t->std);
        assert_true(fabs(std / t->std - 1) < 5 / sqrt((double)t->count));
    }
    thx_weights_close(w);
    thx_arena_close(arena);
    place_close(&p);
}

/* How often a channel of a [rows, D] tensor has an rms over 8 times the tensor's spread. */
static size_t large_channels(const thx_view *v, bool columns, double std)
{
    const uint64_t rows = v->shape[0], width = v->count / rows;
    size_t large = 0;

    for (uint64_t c = 0; c < (columns ? width : rows); c++) {
        double squares = 0;
        const uint64_t n = columns ? rows : width;

        for (uint64_t i = 0; i < n; i++) {
            const double x = value_at(v, columns ? i * width + c : c * width + i);
            squares += x * x;
        }
        const double ratio = sqrt(squares / (double)n) / std;
        assert_true(ratio < 1.5 || (ratio > 48 && ratio < 80));
        large += ratio > 8;
    }
    return large;
}

static void outlier_channels(void **state)
{
    thx_checkpoint_options o = tiny(5, "bf16");
    place p;

    (void)state;
    o.outlier_channels = 4;
    place_open(&p);
    write_tiny(&o, p.folder);
    thx_weights *w = opened(p.folder);
    assert_int_equal(
        large_channels(thx_weights_find(w, "language_model.model.embed_tokens.weight"), true, 0.7), 4);
    assert_int_equal(large_channels(thx_weights_find(w, "language_model.model.layers.1.mlp.down_proj.weight"),
                                    false, 2 / sqrt(608.0) / 2),
                     4);
    assert_int_equal(
        large_channels(thx_weights_find(w, "vision_tower.vision_model.embeddings.position_embedding.weight"),
                       true, 0.3),
        4);
    assert_int_equal(
        large_channels(thx_weights_find(w, "language_model.lm_head.weight"), false, 3 / sqrt(320.0)), 0);
    thx_weights_close(w);
    place_close(&p);
}

/* Any piece of a tensor can be made by itself, with outlier rows and columns cut anywhere. */
static void pieces_are_the_whole(void **state)
{
    enum { ROWS = 370, WIDTH = 253, N = ROWS * WIDTH, SMALL = 37 * WIDTH };
    static float normal[THX_NOISE_LEVELS], levels[THX_NOISE_LEVELS], whole[N], piece[N], first[SMALL];
    const uint32_t channels[] = { 0, 17, 36 };

    (void)state;
    thx_normal_table(normal);
    for (int kind = 0; kind < 8; kind++) {
        const size_t      count = kind < 4 ? N : SMALL; /* with a table of levels, and without */
        const thx_planned t = { .name = "x",
                                .type = THX_F32,
                                .rank = 2,
                                .shape = { count / WIDTH, WIDTH },
                                .count = count,
                                .std = 1.0f,
                                .outliers = (thx_outliers)(kind % 4) };
        thx_value_source s = { .tensor = &t,
                               .key = 99,
                               .channels = channels,
                               .n_channels = 3,
                               .normal = normal,
                               .levels = levels };

        thx_values_prepare(&s);
        thx_values_fill(whole, &s, 0, count);
        for (size_t from = 0, n = 4; from < count; from += n, n += 12) {
            if (n > count - from) n = count - from;
            thx_values_fill(piece + from, &s, from, n);
        }
        assert_memory_equal(whole, piece, count * sizeof *whole);
        if (kind == 4) /* a small tensor is no other than the start of a large one */
            for (size_t i = 0; i < SMALL; i++) assert_true(whole[i] == first[i]);
        if (kind == 0) memcpy(first, whole, sizeof first);
    }
}

static void seeds(void **state)
{
    place a, b, c;
    thorax_error err;
    thx_map x, y, z;

    (void)state;
    place_open(&a);
    place_open(&b);
    place_open(&c);
    thx_checkpoint_options o = tiny(11, "f16");
    write_tiny(&o, a.folder);
    write_tiny(&o, b.folder);
    o.seed = 12;
    write_tiny(&o, c.folder);
    assert_ok(thx_map_open(&x, in(&a, "model-00002-of-00004.safetensors"), &err), err);
    assert_ok(thx_map_open(&y, in(&b, "model-00002-of-00004.safetensors"), &err), err);
    assert_ok(thx_map_open(&z, in(&c, "model-00002-of-00004.safetensors"), &err), err);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    assert_memory_not_equal(x.data, z.data, x.size);
    thx_map_close(&x);
    thx_map_close(&y);
    thx_map_close(&z);
    place_close(&a);
    place_close(&b);
    place_close(&c);
}

/* Every merge joins two earlier tokens into a new one, and the published number of entries is met. */
static void invented_vocabulary(void **state)
{
    static const uint32_t sizes[] = { 256, 257, 2000, 151643 };
    thorax_error err;

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        thx_vocabulary v;
        thx_arena *arena;

        assert_ok(thx_arena_open(&arena, 0, &err), err);
        assert_ok(thx_vocabulary_make(&v, arena, sizes[k], &err), err);
        assert_int_equal(v.n, sizes[k]);
        assert_int_equal(v.n_merges, sizes[k] - 256);
        assert_string_equal(v.tokens[0], "!");
        assert_string_equal(v.tokens[198], "\xc4\x8a"); /* the line end has the published id */
        for (uint32_t i = 0; i < v.n_merges; i++) {
            const char *l = v.tokens[v.merges[i][0]], *r = v.tokens[v.merges[i][1]],
                       *both = v.tokens[256 + i];

            assert_true(v.merges[i][0] < 256 + i && v.merges[i][1] < 256 + i);
            assert_int_equal(strlen(both), strlen(l) + strlen(r));
            assert_true(!strncmp(both, l, strlen(l)) && !strcmp(both + strlen(l), r));
        }
        thx_arena_close(arena);
    }
}

static size_t tokens_of(const thx_tokenizer *t, const char *text)
{
    thx_ids ids = { 0 };
    thx_string back = { 0 };
    thorax_error err;

    assert_ok(thx_tokenizer_encode(t, text, strlen(text), false, &ids, &err), err);
    assert_ok(thx_tokenizer_decode(t, ids.data, ids.size, true, &back, &err), err);
    assert_string_equal(back.data, text);
    const size_t n = ids.size;
    thx_ids_deinit(&ids);
    thx_string_deinit(&back);
    return n;
}

static void tokenizer_opens(void **state)
{
    thx_checkpoint_options o = tiny(0, "f16");
    thx_tokenizer *t;
    thorax_error err;
    place p;

    (void)state;
    place_open(&p);
    write_tiny(&o, p.folder);
    assert_ok(thx_tokenizer_open(&t, p.folder, &err), err);
    assert_int_equal(thx_tokenizer_id(t, "<|endoftext|>"), 2000);
    assert_int_equal(thx_tokenizer_id(t, "<image>"), 2003);
    assert_int_equal(thx_tokenizer_id(t, "<video>"), 2004);
    assert_in_range(tokens_of(t, "Provide a radiology report for this Chest X-Ray."), 9, 24);
    assert_in_range(tokens_of(t, "\xc3\xa9\xe5\xbf\x83 \x7f\t\"\\ 12.5"), 5, 16);
    thx_tokenizer_close(t);
    place_close(&p);
}

/* A tokenizer taken over: its ids, the five added tokens behind it, and rows for all of them. */
static void tokenizer_taken(void **state)
{
    char folder[1024];
    thx_checkpoint_options o = tiny(0, "f16");
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thorax_error err;
    place p, q;

    (void)state;
    snprintf(folder, sizeof folder, "%s", shared_path("data/tokenizers/qwen2"));
    o.tokenizer_folder = folder;
    place_open(&p);
    write_tiny(&o, p.folder);
    assert_ok(thx_tokenizer_open(&t, p.folder, &err), err);
    assert_int_equal(thx_tokenizer_id(t, "<|im_start|>"), 151644);
    assert_int_equal(thx_tokenizer_id(t, "<image>"), 151646);
    assert_ok(thx_tokenizer_encode(t, "Hello world", 11, false, &ids, &err), err);
    assert_int_equal(ids.size, 2);
    assert_int_equal(ids.data[0], 9707);
    assert_int_equal(ids.data[1], 1879);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);

    thx_weights *w = opened(p.folder);
    assert_int_equal(thx_weights_find(w, "language_model.lm_head.weight")->shape[0], 151680);
    thx_weights_close(w);

    place_open(&q); /* and from a folder that has tokenizer.json alone, as published ones do */
    o.tokenizer_folder = p.folder;
    write_tiny(&o, q.folder);
    thx_map a, b;
    assert_ok(thx_map_open(&a, in(&p, "tokenizer.json"), &err), err);
    assert_ok(thx_map_open(&b, in(&q, "tokenizer.json"), &err), err);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    thx_map_close(&a);
    thx_map_close(&b);
    place_close(&p);
    place_close(&q);
}

static void refused(const thx_checkpoint_options *o, const char *folder, thorax_status status,
                    const char *says)
{
    thorax_error err = { 0 };

    assert_int_equal(thx_checkpoint_write(o, folder, NULL, &err), status);
    if (!strstr(err.text, says)) fail_msg("expected \"%s\" in: %s", says, err.text);
}

static void options_out_of_range(void **state)
{
    thx_checkpoint_options o;
    place p;

    (void)state;
    place_open(&p);
    const char *folder = in(&p, "new/model");
    o = tiny(0, "f16"), o.arch = "radvlm-70b", refused(&o, folder, THORAX_USAGE, "radvlm-70b");
    o = tiny(0, "f16"), o.arch = NULL, refused(&o, folder, THORAX_USAGE, "arch");
    o = tiny(0, "f64"), refused(&o, folder, THORAX_USAGE, "f64");
    o = tiny(0, "f16"), o.layers_text = 3, refused(&o, folder, THORAX_USAGE, "1 to 2 text layers");
    o = tiny(0, "f16"), o.layers_vision = 27, refused(&o, folder, THORAX_USAGE, "vision");
    o = tiny(0, "f16"), o.outlier_channels = 1000, refused(&o, folder, THORAX_USAGE, "outlier");
    assert_false(thx_is_folder(folder));

    o = tiny(0, "f16"), o.layers_text = o.layers_vision = 1;
    write_tiny(&o, folder);
    thx_weights *w = opened(folder);
    assert_int_equal(thx_weights_count(w), 69 - 16 - 12);
    thx_weights_close(w);
    place_close(&p);
}

static void folders_of_others(void **state)
{
    thx_checkpoint_options o = tiny(0, "f16");
    thorax_error err;
    place p;

    (void)state;
    place_open(&p);
    assert_ok(thx_file_write(in(&p, "notes.txt"), "mine", 4, &err), err);
    refused(&o, p.folder, THORAX_IO, "notes.txt");
    assert_int_equal(files_in(p.folder), 1);
    assert_int_equal(unlink(in(&p, "notes.txt")), 0);

    assert_ok(thx_file_write(in(&p, "config.json"), "{}", 2, &err), err); /* a model that was not made here */
    assert_ok(thx_file_write(in(&p, "README.md"), "# RadVLM\n", 9, &err), err);
    refused(&o, p.folder, THORAX_IO, "earlier random checkpoint");
    assert_int_equal(files_in(p.folder), 2);
    refused(&o, in(&p, "config.json"), THORAX_IO, "folder");
    refused(&o, "/proc/nowhere", THORAX_IO, "/proc/nowhere");
    place_close(&p);

    thx_staging *s;
    place_open(&p);
    assert_int_equal(thx_staging_open(&s, p.folder, UINT64_MAX, &err), THORAX_IO);
    assert_non_null(strstr(err.text, "GB free"));
    place_close(&p);
}

/* An earlier checkpoint is replaced whole; what a killed run left behind is no obstacle. */
static void replaced(void **state)
{
    thx_checkpoint_options o = tiny(0, "f16");
    thorax_error err;
    place p;

    (void)state;
    place_open(&p);
    assert_ok(thx_file_write(in(&p, "model-00001-of-00004.safetensors.part"), "x", 1, &err), err);
    write_tiny(&o, p.folder);
    assert_int_equal(files_in(p.folder), 16);
    o.shard_bytes = 1 << 30;
    write_tiny(&o, p.folder);
    assert_true(thx_file_exists(in(&p, "model.safetensors")));
    assert_false(thx_file_exists(in(&p, "model.safetensors.index.json")));
    assert_false(thx_file_exists(in(&p, "model-00001-of-00004.safetensors")));
    assert_int_equal(files_in(p.folder), 12);
    thx_weights *w = opened(p.folder);
    assert_int_equal(thx_weights_count(w), 69);
    thx_weights_close(w);
    place_close(&p);
}

static bool stop_half_way(void *data, const char *what, size_t done, size_t total)
{
    size_t *steps = data;

    assert_string_equal(what, "weights");
    assert_true(done <= total);
    ++*steps;
    return done < total / 2;
}

static void cancelled(void **state)
{
    thx_checkpoint_options o = tiny(0, "f16");
    thorax_error err;
    size_t steps = 0;
    const thx_progress stop = { stop_half_way, &steps };
    place p;

    (void)state;
    place_open(&p);
    assert_int_equal(thx_checkpoint_write(&o, in(&p, "new"), &stop, &err), THORAX_CANCELLED);
    assert_true(steps > 1);
    assert_false(thx_is_folder(in(&p, "new"))); /* gone with all that was begun */

    write_tiny(&o, in(&p, "new"));
    o.seed = 1;
    assert_int_equal(thx_checkpoint_write(&o, in(&p, "new"), &stop, &err), THORAX_CANCELLED);
    assert_int_equal(files_in(in(&p, "new")), 16); /* the earlier one is whole */
    thx_weights *w = opened(in(&p, "new"));
    thx_weights_close(w);
    place_close(&p);
}

static void broken_tokenizers(void **state)
{
    static const struct {
        const char *vocab, *merges, *tokenizer;
        thorax_status status;
        const char *says;
    } cases[] = {
        { NULL, NULL, NULL, THORAX_IO, "found neither" },
        { "{\"a\":0}", NULL, NULL, THORAX_IO, "found neither" },
        { "{\"a\":0", "a b\n", NULL, THORAX_FORMAT, "broken" },
        { "{\"a\":0,\"b\":2}", "a b\n", NULL, THORAX_FORMAT, "ids 0 to 1" },
        { "{\"a\":0,\"b\":0}", "a b\n", NULL, THORAX_FORMAT, "ids 0 to 1" },
        { "{\"a\":0,\"b\":\"1\"}", "a b\n", NULL, THORAX_FORMAT, "ids 0 to 1" },
        { "{\"a\":0,\"b\":1}", "a b\n", NULL, THORAX_FORMAT, "no token for byte" },
        { "{}", "", NULL, THORAX_LIMIT, "256" },
        { NULL, NULL, "{\"model\":{\"vocab\":[]}}", THORAX_FORMAT, "vocab and merges" },
        { NULL, NULL, "[]", THORAX_FORMAT, "object" },
    };
    thx_checkpoint_options o = tiny(0, "f16");
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        place p;

        place_open(&p);
        o.tokenizer_folder = p.folder;
        if (cases[i].vocab)
            assert_ok(thx_file_write(in(&p, "vocab.json"), cases[i].vocab, strlen(cases[i].vocab), &err),
                      err);
        if (cases[i].merges)
            assert_ok(thx_file_write(in(&p, "merges.txt"), cases[i].merges, strlen(cases[i].merges), &err),
                      err);
        if (cases[i].tokenizer)
            assert_ok(thx_file_write(in(&p, "tokenizer.json"), cases[i].tokenizer, strlen(cases[i].tokenizer),
                                     &err),
                      err);
        refused(&o, in(&p, "new"), cases[i].status, cases[i].says);
        assert_false(thx_is_folder(in(&p, "new")));
        place_close(&p);
    }
}

/* Merges that name unknown tokens, in each of the three encodings. */
static void broken_merges(void **state)
{
    static const char *const merges[] = { "\"a b\",\"a nothing\"", "[\"a\",\"nothing\"]", "\"ab\"", "[\"a\"]",
                                          "5" };
    thx_checkpoint_options o = tiny(0, "f16");
    thorax_error err;
    place p;

    (void)state;
    place_open(&p);
    o.tokenizer_folder = p.folder;
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        thx_string s = { 0 };

        thx_string_puts(&s, "{\"model\":{\"vocab\":{\"ab\":256");
        for (unsigned b = 0; b < 256; b++) {
            char symbol[3];

            thx_byte_symbol(symbol, (unsigned char)b);
            thx_string_printf(&s, ",\"%s%s\":%u", *symbol == '"' || *symbol == '\\' ? "\\" : "", symbol, b);
        }
        thx_string_printf(&s, "},\"merges\":[%s]}}", merges[i]);
        assert_ok(thx_file_write(in(&p, "tokenizer.json"), s.data, s.size, &err), err);
        thx_string_deinit(&s);
        refused(&o, in(&p, "new"), THORAX_FORMAT, i ? "merge 1" : "merge 2");
    }
    place_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sizes),
        cmocka_unit_test(one_model_in_three_types),
        cmocka_unit_test(values_are_normal),
        cmocka_unit_test(outlier_channels),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(seeds),
        cmocka_unit_test(invented_vocabulary),
        cmocka_unit_test(tokenizer_opens),
        cmocka_unit_test(tokenizer_taken),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(folders_of_others),
        cmocka_unit_test(replaced),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(broken_tokenizers),
        cmocka_unit_test(broken_merges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
