/* CLIP-type folders made of random values: every layout gives the same vectors and identity, what is missing or does
 * not
 * fit is named, texts do not depend on each other. Numbers are compared with the original's by build/tests/golden. */
#include "check.h"

#include "base/file.h"
#include "base/string.h"
#include "model/clip.h"

#include <math.h>
#include <sys/stat.h>

enum { DV = 32, FV = 48, PX = 28, PATCH = 14, D = 64, F = 96, V = 30, HIDDEN = 40, EMBED = 24, TENSORS = 128 };

static const char open_clip[] =
    "{\"model_cfg\": {\"embed_dim\": 24, \"vision_cfg\": {\"timm_model_name\": \"vit_tiny\", \"timm_pool\": \"\", "
    "\"timm_proj\": \"linear\", \"image_size\": 28, \"head_width\": 16}, \"text_cfg\": {\"hf_proj_type\": \"mlp\", "
    "\"hf_pooler_type\": \"cls_last_hidden_state_pooler\", \"context_length\": 12}}, \"preprocess_cfg\": {}}";
static const char flat[] =
    "{\"embed_dim\": 24, \"vision_cfg\": {\"timm_model_name\": \"vit_tiny\", \"timm_pool\": \"\", \"timm_proj\": \"linear\", "
    "\"image_size\": 28, \"head_width\": 16}, \"text_cfg\": {\"hf_proj_type\": \"mlp\", "
    "\"hf_pooler_type\": \"cls_last_hidden_state_pooler\", \"context_length\": 12}}";

static thx_ctx *ctx;
static char     folder[256];

/* ---- A folder ---- */

typedef struct tensor {
    char   name[96];
    size_t shape[4], rank;
} tensor;

typedef struct tensors {
    tensor list[TENSORS];
    size_t n;
} tensors;

static void add(tensors *t, const char *name, size_t a, size_t b, size_t c, size_t d)
{
    tensor *x = &t->list[t->n++];

    *x = (tensor){ .shape = { a, b, c, d }, .rank = d ? 4 : c ? 3 : b ? 2 : a ? 1 : 0 };
    snprintf(x->name, sizeof x->name, "%s", name);
}

static void add_pair(tensors *t, const char *prefix, const char *name, size_t a, size_t b)
{
    char full[96];

    snprintf(full, sizeof full, "%s%s.weight", prefix, name);
    add(t, full, a, b, 0, 0);
    snprintf(full, sizeof full, "%s%s.bias", prefix, name);
    add(t, full, a, 0, 0, 0);
}

static void add_vision(tensors *t)
{
    add(t, "visual.trunk.cls_token", 1, 1, DV, 0);
    add(t, "visual.trunk.pos_embed", 1, 5, DV, 0);
    add(t, "visual.trunk.patch_embed.proj.weight", DV, 3, PATCH, PATCH);
    add(t, "visual.trunk.patch_embed.proj.bias", DV, 0, 0, 0);
    for (size_t i = 0; i < 2; i++) {
        char p[40], name[64];
        snprintf(p, sizeof p, "visual.trunk.blocks.%zu.", i);
        add_pair(t, p, "norm1", DV, 0);
        add_pair(t, p, "attn.qkv", 3 * DV, DV);
        add_pair(t, p, "attn.proj", DV, DV);
        snprintf(name, sizeof name, "%sls1.gamma", p);
        add(t, name, DV, 0, 0, 0);
        add_pair(t, p, "norm2", DV, 0);
        add_pair(t, p, "mlp.fc1", FV, DV);
        add_pair(t, p, "mlp.fc2", DV, FV);
        snprintf(name, sizeof name, "%sls2.gamma", p);
        add(t, name, DV, 0, 0, 0);
    }
    add_pair(t, "visual.trunk.", "norm", DV, 0);
    add(t, "visual.head.proj.weight", EMBED, DV, 0, 0);
}

static void add_text(tensors *t)
{
    add(t, "text.transformer.embeddings.word_embeddings.weight", V, D, 0, 0);
    add(t, "text.transformer.embeddings.position_embeddings.weight", 16, D, 0, 0);
    add(t, "text.transformer.embeddings.token_type_embeddings.weight", 2, D, 0, 0);
    add_pair(t, "text.transformer.embeddings.", "LayerNorm", D, 0);
    for (size_t i = 0; i < 2; i++) {
        char p[48];
        snprintf(p, sizeof p, "text.transformer.encoder.layer.%zu.", i);
        add_pair(t, p, "attention.self.query", D, D);
        add_pair(t, p, "attention.self.key", D, D);
        add_pair(t, p, "attention.self.value", D, D);
        add_pair(t, p, "attention.output.dense", D, D);
        add_pair(t, p, "attention.output.LayerNorm", D, 0);
        add_pair(t, p, "intermediate.dense", F, D);
        add_pair(t, p, "output.dense", D, F);
        add_pair(t, p, "output.LayerNorm", D, 0);
    }
    add(t, "text.proj.0.weight", HIDDEN, D, 0, 0);
    add(t, "text.proj.2.weight", EMBED, HIDDEN, 0, 0);
    add(t, "logit_scale", 0, 0, 0, 0);
}

static size_t count(const tensor *t)
{
    size_t n = 1;

    for (size_t i = 0; i < t->rank; i++) n *= t->shape[i];
    return n;
}

/* A value that depends on the tensor's name and the place in it, not on where the tensor lies. */
static float value(const char *name, size_t i)
{
    uint32_t h = 2166136261u;

    for (const char *c = name; *c; c++) h = (h ^ (uint32_t)(unsigned char)*c) * 16777619u;
    h = (h + (uint32_t)i * 2654435761u) * 2246822519u;
    return (float)((h ^ h >> 15) >> 8) / (float)(1 << 24) - 0.4f;
}

/* Writes the tensors under `prefix`; reversed: in the opposite order. */
static void write_weights(const char *file, const tensors *t, const char *prefix, bool reversed)
{
    thx_string   head = { 0 }, all = { 0 };
    size_t       at = 0;
    thorax_error err;
    char         path[400];

    thx_string_puts(&head, "{");
    for (size_t k = 0; k < t->n; k++) {
        const tensor *x = &t->list[reversed ? t->n - 1 - k : k];
        thx_string_printf(&head, "%s\"%s%s\": {\"dtype\": \"F32\", \"shape\": [", k ? ", " : "", prefix, x->name);
        for (size_t i = 0; i < x->rank; i++) thx_string_printf(&head, "%s%zu", i ? ", " : "", x->shape[i]);
        thx_string_printf(&head, "], \"data_offsets\": [%zu, %zu]}", at, at + 4 * count(x));
        at += 4 * count(x);
    }
    thx_string_puts(&head, "}");
    while (head.size % 8) thx_string_puts(&head, " ");
    const uint64_t n = head.size;
    thx_string_add(&all, (const char *)&n, 8);
    thx_string_add(&all, head.data, head.size);
    for (size_t k = 0; k < t->n; k++) {
        const tensor *x = &t->list[reversed ? t->n - 1 - k : k];
        for (size_t i = 0; i < count(x); i++) {
            const float v = value(x->name, i);
            thx_string_add(&all, (const char *)&v, sizeof v);
        }
    }
    snprintf(path, sizeof path, "%s/%s", folder, file);
    assert_ok(thx_file_write(path, all.data, all.size, &err), err);
    thx_string_deinit(&head);
    thx_string_deinit(&all);
}

static void write_text(const char *file, const char *text)
{
    thorax_error err;
    char         path[400];

    snprintf(path, sizeof path, "%s/%s", folder, file);
    assert_ok(thx_file_write(path, text, strlen(text), &err), err);
}

static void drop(const char *file)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s", folder, file);
    unlink(path);
}

static int setup(void **state)
{
    const char  *temp = getenv("TMPDIR");
    thorax_error err;

    (void)state;
    snprintf(folder, sizeof folder, "%s/test-clip-%ld", temp ? temp : "/tmp", (long)getpid());
    mkdir(folder, 0700);
    return thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 1, &err) != THORAX_OK;
}

static int clean(void **state)
{
    static const char *const files[] = { "open_clip_config.json", "open_clip_model.safetensors", "config.json",
                                         "vocab.txt",
                                         "biomedclipcxr_518.json", "biomedclipcxr_518_checkpoint.safetensors",
                                         "tower.json", "tower-clip.safetensors", "model.safetensors" };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) drop(files[i]);
    return 0;
}

static int teardown(void **state)
{
    clean(state);
    rmdir(folder);
    thx_cpu_close(ctx);
    return 0;
}

/* ---- Vectors ---- */

static void embed_film(const thx_clip *c, float *out)
{
    static float tile[3 * PX * PX];
    thorax_error err;

    for (size_t i = 0; i < 3 * PX * PX; i++) tile[i] = value("tile", i);
    assert_ok(thx_clip_embed_tiles(c, out, tile, 1, &err), err);
}

static thx_clip *open_it(void)
{
    thx_clip    *c;
    thorax_error err;

    assert_ok(thx_clip_open(&c, ctx, folder, &err), err);
    return c;
}

static double length(const float *v, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += (double)v[i] * v[i];
    return sqrt(sum);
}

static void layouts_agree(void **state)
{
    static tensors vision, all;
    float          a[EMBED], b[EMBED], own[DV];
    char           identity[65];

    (void)state;
    vision.n = all.n = 0;
    add_vision(&vision);
    add_vision(&all);
    add_text(&all);
    write_text("open_clip_config.json", open_clip);
    write_weights("open_clip_model.safetensors", &all, "", false);
    thx_clip *c = open_it();
    assert_int_equal(c->d, EMBED);
    assert_true(c->texts);
    assert_true(c->logit_scale > 0);
    assert_true(c->model->vit.layers[1].scale2 != NULL);
    assert_int_equal(c->model->recipe.kind, THX_RECIPE_CROP);
    memcpy(identity, c->model->identity, sizeof identity);
    embed_film(c, a);
    assert_true(fabs(length(a, EMBED) - 1) < 1e-6);
    thx_clip_close(c);
    clean(NULL);

    /* LLaVA-Rad: a training checkpoint, named by the language model's config with a path of another machine */
    write_text("config.json", "{\"mm_vision_tower_config\": \"/data/x/tower.json\", "
                              "\"mm_vision_tower_checkpoint\": \"tower-clip.safetensors\"}");
    write_text("tower.json", flat);
    write_weights("tower-clip.safetensors", &all, "state_dict.module.", true);
    c = open_it();
    assert_string_equal(c->model->identity, identity);
    embed_film(c, b);
    assert_memory_equal(a, b, sizeof a);
    thx_clip_close(c);
    clean(NULL);

    /* the tower inside a merged folder: no head, vectors of its own width */
    for (size_t i = 0; i < vision.n; i++) memmove(vision.list[i].name, vision.list[i].name + 13, 80);
    vision.n--; /* the head */
    write_text("biomedclipcxr_518.json", flat);
    write_weights("model.safetensors", &vision, "model.vision_tower.vision_tower.vit.", false);
    c = open_it();
    assert_int_equal(c->d, DV);
    assert_false(c->texts);
    embed_film(c, own);
    assert_true(fabs(length(own, DV) - 1) < 1e-6);
    thx_ids      ids = { 0 };
    thorax_error err;
    assert_int_equal(thx_clip_tokenize(c, &ids, "clear", 5, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "no text tower"));
    thx_ids_deinit(&ids);
    thx_clip_close(c);
}

static void texts_do_not_depend_on_each_other(void **state)
{
    static const int32_t lengths[] = { 5, 3, 5, 12, 1, 3 };
    static tensors       all;
    enum { N = sizeof lengths / sizeof lengths[0] };
    float        together[N][EMBED], alone[EMBED];
    size_t       ends[N];
    thx_ids      ids = { 0 };
    thorax_error err;

    (void)state;
    all.n = 0;
    add_vision(&all);
    add_text(&all);
    write_text("open_clip_config.json", open_clip);
    write_weights("open_clip_model.safetensors", &all, "", false);
    thx_clip *c = open_it();
    for (size_t i = 0; i < N; i++) {
        for (int32_t k = 0; k < lengths[i]; k++) thx_ids_add(&ids, (int32_t)(7 * i + 3 * (size_t)k) % V);
        ends[i] = ids.size;
    }
    assert_ok(thx_clip_embed_ids(c, together[0], &ids, ends, N, &err), err);
    for (size_t i = 0; i < N; i++) {
        thx_ids one = { ids.data + (i ? ends[i - 1] : 0), (size_t)lengths[i], 0, false };
        assert_ok(thx_clip_embed_ids(c, alone, &one, &one.size, 1, &err), err);
        assert_memory_equal(together[i], alone, sizeof alone);
        assert_true(fabs(length(alone, EMBED) - 1) < 1e-6);
    }
    ids.data[1] = V;
    assert_int_equal(thx_clip_embed_ids(c, together[0], &ids, ends, N, &err), THORAX_USAGE);
    ids.data[1] = 0;
    ends[0] = 13;
    assert_int_equal(thx_clip_embed_ids(c, together[0], &ids, ends, 1, &err), THORAX_USAGE);
    assert_int_equal(thx_clip_tokenize(c, &ids, "clear", 5, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "vocab.txt"));
    thx_ids_deinit(&ids);
    thx_clip_close(c);
}

/* Replaces one setting or one dimension: the error names it. */
static void faults_are_named(void **state)
{
    static const struct { const char *from, *to, *named; } settings[] = {
        { "\"image_size\": 28", "\"image_size\": 42", "pos_embed" },
        { "\"head_width\": 16", "\"head_width\": 15", "heads of 15" },
        { "\"head_width\": 16", "\"layers\": 3", "layers" },
        { "\"head_width\": 16", "\"width\": 33", "width" },
        { "\"head_width\": 16", "\"patch_size\": 16", "patch_size" },
        { "\"timm_pool\": \"\"", "\"timm_pool\": \"map\"", "timm_pool" },
        { "\"timm_proj\": \"linear\"", "\"timm_proj\": \"mlp\"", "timm_proj" },
        { "cls_last_hidden_state_pooler", "mean_pooler", "hf_pooler_type" },
        { "\"embed_dim\": 24", "\"embed_dim\": 25", "head.proj" },
        { "\"context_length\": 12", "\"context_length\": 17", "context_length" },
        { "\"preprocess_cfg\": {}", "\"preprocess_cfg\": {\"mean\": 1e999}", "open_clip_config.json" },
        { "\"vision_cfg\"", "\"vision\"", "vision_cfg" },
    };
    static tensors all;
    thx_clip      *c;
    thorax_error   err;

    (void)state;
    all.n = 0;
    add_vision(&all);
    add_text(&all);
    write_weights("open_clip_model.safetensors", &all, "", false);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        thx_string  text = { 0 };
        const char *at = strstr(open_clip, settings[i].from);
        assert_non_null(at);
        thx_string_add(&text, open_clip, (size_t)(at - open_clip));
        thx_string_puts(&text, settings[i].to);
        thx_string_puts(&text, at + strlen(settings[i].from));
        write_text("open_clip_config.json", text.data);
        assert_int_equal(thx_clip_open(&c, ctx, folder, &err), THORAX_MODEL);
        if (!strstr(err.text, settings[i].named)) fail_msg("'%s' does not name %s", err.text, settings[i].named);
        thx_string_deinit(&text);
    }
    write_text("open_clip_config.json", open_clip);
    for (size_t i = 0; i < all.n; i++) {
        char name[96];
        if (!strcmp(all.list[i].name, "logit_scale") || strstr(all.list[i].name, "head.proj")) continue;
        memcpy(name, all.list[i].name, sizeof name);
        all.list[i].name[5] = '_';
        write_weights("open_clip_model.safetensors", &all, "", false);
        const thorax_status st = thx_clip_open(&c, ctx, folder, &err);
        memcpy(all.list[i].name, name, sizeof name);
        if (st != THORAX_MODEL) fail_msg("%s is missing, status %d", name, (int)st);
    }
    clean(NULL);
    assert_int_equal(thx_clip_open(&c, ctx, folder, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "open_clip_config.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(layouts_agree, clean),
        cmocka_unit_test_teardown(texts_do_not_depend_on_each_other, clean),
        cmocka_unit_test_teardown(faults_are_named, clean),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
