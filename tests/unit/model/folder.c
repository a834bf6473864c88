/* Model folders: every published layout of names opens the same model, and every fault is named.
 *
 * One tiny random checkpoint is written; each test works on a variant of its config or of the header
 * of its weights. Numbers are checked by tests/golden and the parity cases, not here. */
#include "check.h"
#include "base/file.h"
#include "base/json.h"
#include "model/model.h"
#include "synth/checkpoint.h"

static char folder[] = "/tmp/thorax-model-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[2][200];
    static unsigned next;
    char *p = path[next++ % 2];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void write_checkpoint(void)
{
    thorax_error err;
    thx_checkpoint_options o = thx_checkpoint_options_default();
    o.arch = "tiny";
    o.seed = 3;
    o.shard_bytes = (uint64_t)1 << 40; /* one file: its header is easy to rewrite */
    assert_ok(thx_checkpoint_write(&o, folder, NULL, &err), err);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int each(void **state)
{
    (void)state;
    write_checkpoint();
    return 0;
}

static int teardown(void **state)
{
    char command[80];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* ---- Variants of the folder ---- */

/* The one file that holds tensors. */
static const char *weights_file(void)
{
    const char *single = in_folder("model.safetensors");
    return thx_file_exists(single) ? single : in_folder("model-00001-of-00001.safetensors");
}

/* Rewrites config.json: member `key` of `part` (NULL: the top) becomes value (stolen; NULL deletes it). */
static void set_config(const char *part, const char *key, json_t *value)
{
    json_t *config;
    thorax_error err;
    assert_ok(thx_json_read(&config, in_folder("config.json"), 1 << 20, &err), err);
    json_t *where = part ? json_object_get(config, part) : config;
    if (value) json_object_set_new(where, key, value);
    else json_object_del(where, key);
    assert_int_equal(json_dump_file(config, in_folder("config.json"), 0), 0);
    json_decref(config);
}

/* Rewrites the weights' header: each name goes through `rename`. */
static void rename_tensors(bool (*rename)(char *out, size_t size, const char *name))
{
    char *file, *header, name[256];
    size_t size, n;
    const char *key;
    json_t *tensor, *renamed = json_object();
    thorax_error err;
    const char *path = weights_file();

    assert_ok(thx_file_read(&file, &size, path, 1 << 28, &err), err);
    uint64_t length;
    memcpy(&length, file, 8);
    json_t *old = json_loadb(file + 8, length, 0, NULL);
    assert_non_null(old);
    json_object_foreach(old, key, tensor) {
        if (!strcmp(key, "__metadata__")) json_object_set(renamed, key, tensor);
        else {
            assert_true(rename(name, sizeof name, key));
            json_object_set(renamed, name, tensor);
        }
    }
    header = json_dumps(renamed, JSON_COMPACT);
    n = strlen(header);
    const uint64_t padded = (n + 7) / 8 * 8;
    FILE *f = fopen(in_folder("model.safetensors"), "wb");
    assert_non_null(f);
    fwrite(&padded, 8, 1, f);
    fprintf(f, "%-*s", (int)padded, header);
    fwrite(file + 8 + length, 1, size - 8 - length, f);
    fclose(f);
    if (strcmp(path, in_folder("model.safetensors"))) unlink(path);
    unlink(in_folder("model.safetensors.index.json"));
    free(header);
    free(file);
    json_decref(old);
    json_decref(renamed);
}

/* ---- Opening ---- */

static thx_ctx *ctx(void)
{
    thx_ctx *c;
    thorax_error err;
    assert_ok(thx_cpu_open(&c, THX_CPU_REF, THX_EXACT, 1, &err), err);
    return c;
}

static void assert_opens(void)
{
    thx_ctx *c = ctx();
    thx_model *m;
    thorax_error err;
    assert_ok(thx_model_open(&m, c, folder, NULL, &err), err);
    assert_int_equal(strlen(m->identity), 64);
    thx_model_close(m);
    thx_cpu_close(c);
}

static void assert_refused(const char *words)
{
    thx_ctx *c = ctx();
    thx_model *m;
    thorax_error err;
    assert_int_equal(thx_model_open(&m, c, folder, NULL, &err), THORAX_MODEL);
    assert_null(m);
    if (!strstr(err.text, words)) fail_msg("expected \"%s\" in \"%s\"", words, err.text);
    thx_cpu_close(c);
}

/* ---- Layouts ---- */

static bool replace(char *out, size_t size, const char *name, const char *from, const char *to)
{
    const char *at = strstr(name, from);
    if (!at) return false;
    snprintf(out, size, "%.*s%s%s", (int)(at - name), name, to, at + strlen(from));
    return true;
}

static bool same(char *out, size_t size, const char *name) { return snprintf(out, size, "%s", name) > 0; }

static bool modern(char *out, size_t size, const char *name) /* module names from 4.52 on */
{
    char rest[256];
    if (replace(out, size, name, "language_model.lm_head", "lm_head")) return true;
    if (!replace(rest, sizeof rest, name, "language_model.model.", "language_model.")) same(rest, sizeof rest, name);
    return snprintf(out, size, "model.%s", rest) > 0;
}

static bool v5(char *out, size_t size, const char *name) /* 5.24: without vision_model. */
{
    return replace(out, size, name, "vision_model.", "") || same(out, size, name);
}

static bool training(char *out, size_t size, const char *name) /* LLaVA-NeXT */
{
    if (replace(out, size, name, "language_model.lm_head", "lm_head")) return true;
    if (replace(out, size, name, "language_model.model.", "model.")) return true;
    if (replace(out, size, name, "vision_tower.", "model.vision_tower.vision_tower.")) return true;
    if (replace(out, size, name, "multi_modal_projector.linear_1", "model.mm_projector.0")) return true;
    if (replace(out, size, name, "multi_modal_projector.linear_2", "model.mm_projector.2")) return true;
    return snprintf(out, size, "model.%s", name) > 0;
}

static void every_layout_of_names_opens(void **state)
{
    bool (*const layouts[])(char *, size_t, const char *) = { same, modern, v5, training };
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        write_checkpoint();
        rename_tensors(layouts[i]);
        assert_opens();
        unlink(in_folder("model.safetensors"));
    }
}

/* A tensor under a name that no layout has is as good as gone. */
static bool without_head(char *out, size_t size, const char *name)
{
    return replace(out, size, name, "language_model.lm_head", "gone") || same(out, size, name);
}

static bool without_k(char *out, size_t size, const char *name)
{
    return replace(out, size, name, "language_model.model.layers.1.self_attn.k_proj.weight", "gone") || same(out, size, name);
}

static bool strange(char *out, size_t size, const char *name)
{
    return replace(out, size, name, "post_layernorm.bias", "surprise.bias") || same(out, size, name);
}

static void without_a_head_the_embedding_is_it(void **state)
{
    thx_ctx *c = ctx();
    thx_model *m;
    thorax_error err;

    (void)state;
    rename_tensors(without_head);
    assert_ok(thx_model_open(&m, c, folder, NULL, &err), err);
    assert_true(m->tied);
    assert_ptr_equal(m->decoder.head, m->decoder.embedding);
    thx_model_close(m);
    thx_cpu_close(c);
}

/* ---- Faults ---- */

static void a_missing_tensor_is_named(void **state)
{
    (void)state;
    rename_tensors(without_k);
    assert_refused("layers.1.self_attn.k_proj.weight");
}

static void faults_of_the_config_are_named(void **state)
{
    (void)state;
    set_config("text_config", "intermediate_size", json_integer(48));
    assert_refused("shape");
    write_checkpoint();
    set_config(NULL, "model_type", json_string("llava_surprise"));
    assert_refused("llava_surprise");
    write_checkpoint();
    set_config(NULL, "vision_config", NULL);
    assert_refused("vision_config is missing");
    write_checkpoint();
    set_config("text_config", "hidden_act", json_string("mish"));
    assert_refused("mish");
    write_checkpoint();
    set_config("text_config", "num_key_value_heads", json_integer(3));
    assert_refused("heads");
    write_checkpoint();
    set_config("text_config", "rope_scaling", json_pack("{s:s,s:f}", "rope_type", "yarn", "factor", 4.0));
    assert_refused("yarn");
    write_checkpoint();
    set_config(NULL, "vision_aspect_ratio", json_string("square"));
    assert_refused("anyres_max_N");
    write_checkpoint();
    set_config(NULL, "image_grid_pinpoints", json_pack("[[i,i]]", 100000, -3));
    assert_refused("image_grid_pinpoints");
    write_checkpoint();
    set_config("text_config", "hidden_size", json_string("many"));
    assert_refused("hidden_size");
    write_checkpoint();
    set_config(NULL, "vision_feature_layer", json_integer(-100));
    assert_refused("vision_feature_layer");
    write_checkpoint();
    thorax_error err;
    assert_ok(thx_file_write(in_folder("config.json"), "{\"a\": [", 7, &err), err);
    assert_refused("config.json");
}

static void a_folder_that_is_none_is_refused(void **state)
{
    thx_ctx *c = ctx();
    thx_model *m;
    thorax_error err;
    (void)state;
    assert_int_equal(thx_model_open(&m, c, "/nonexistent/folder", NULL, &err), THORAX_MODEL);
    assert_int_equal(thx_model_open(&m, c, source_path("meson.build"), NULL, &err), THORAX_MODEL);
    thx_cpu_close(c);
}

/* ---- The account ---- */

static void every_tensor_is_accounted_for(void **state)
{
    thx_account a;
    thx_model *m;
    thorax_error err;

    (void)state;
    rename_tensors(strange);
    assert_ok(thx_model_verify(&a, &m, folder, NULL, &err), err);
    assert_int_equal(a.n, thx_weights_count(m->weights));
    assert_int_equal(a.count[THX_TENSOR_UNUSED], 1);
    assert_int_equal(a.count[THX_TENSOR_UNKNOWN], 1);
    assert_int_equal(a.count[THX_TENSOR_MISSING] + a.count[THX_TENSOR_SHAPE] + a.count[THX_TENSOR_TYPE], 0);
    assert_int_equal(a.count[THX_TENSOR_USED], a.n - 2);
    thx_account_deinit(&a);
    thx_model_close(m);

    rename_tensors(without_k);
    set_config("vision_config", "intermediate_size", json_integer(8));
    assert_ok(thx_model_verify(&a, &m, folder, NULL, &err), err);
    assert_int_equal(a.count[THX_TENSOR_MISSING], 1);
    assert_true(a.count[THX_TENSOR_SHAPE] >= 2);
    thx_account_deinit(&a);
    thx_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_layout_of_names_opens, each),
        cmocka_unit_test_setup(without_a_head_the_embedding_is_it, each),
        cmocka_unit_test_setup(a_missing_tensor_is_named, each),
        cmocka_unit_test_setup(faults_of_the_config_are_named, each),
        cmocka_unit_test(a_folder_that_is_none_is_refused),
        cmocka_unit_test_setup(every_tensor_is_accounted_for, each),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
