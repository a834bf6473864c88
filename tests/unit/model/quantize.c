/* Rounded folders: what is rounded to what, what is copied, that opening with a type gives the same weights as a
 * rounded folder, and that nothing is left of a folder that could not be finished. */
#include "check.h"
#include "base/file.h"
#include "base/hash.h"
#include "model/quantize.h"
#include "synth/checkpoint.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char root[] = "/tmp/thorax-quantize-XXXXXX", source[64], out[64];

static void write_checkpoint(uint64_t shard_bytes)
{
    thx_checkpoint_options o = thx_checkpoint_options_default();
    thorax_error           err;

    o.arch = "tiny";
    o.seed = 5;
    o.shard_bytes = shard_bytes;
    assert_ok(thx_checkpoint_write(&o, source, NULL, &err), err);
}

static int clear(void **state)
{
    char command[160];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s/*", root);
    return system(command);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(root)) return 1;
    snprintf(source, sizeof source, "%s/source", root);
    snprintf(out, sizeof out, "%s/out", root);
    return 0;
}

static int teardown(void **state) { return clear(state) || rmdir(root); }

/* How many things lie in a folder. */
static size_t count_in(const char *folder)
{
    DIR   *dir = opendir(folder);
    size_t n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(dir);
    return n;
}

static void same_file(const char *name)
{
    char        *a = thx_path_join(source, name), *b = thx_path_join(out, name), *x, *y;
    size_t       m, n;
    thorax_error err;

    assert_ok(thx_file_read(&x, &m, a, (size_t)64 << 20, &err), err);
    assert_ok(thx_file_read(&y, &n, b, (size_t)64 << 20, &err), err);
    assert_int_equal(m, n);
    assert_memory_equal(x, y, n);
    free(a), free(b), free(x), free(y);
}

static thx_type type_of(const thx_weights *w, const char *part)
{
    for (size_t i = 0; i < thx_weights_count(w); i++)
        if (strstr(thx_weights_at(w, i)->name, part)) return thx_weights_at(w, i)->type;
    fail_msg("no tensor *%s*", part);
    return THX_TYPES;
}

static void folders(void **state)
{
    char         hex[65], extra[100];
    thorax_error err;
    thx_weights *w, *from;

    (void)state;
    write_checkpoint(200000); /* several shards */
    snprintf(extra, sizeof extra, "%s/notes/deep", source);
    assert_ok(thx_folder_make(extra, &err), err);
    snprintf(extra, sizeof extra, "%s/notes/deep/text.txt", source);
    assert_ok(thx_file_write(extra, "around", 6, &err), err);
    snprintf(extra, sizeof extra, "%s/pytorch_model.bin", source);
    assert_ok(thx_file_write(extra, "weights", 7, &err), err);
    for (thx_type type = THX_Q8; type <= THX_Q4; type++) {
        assert_ok(thx_model_quantize(source, NULL, out, type, 2, NULL, &err), err);
        same_file("config.json"), same_file("tokenizer.json"), same_file("README.md"), same_file("notes/deep/text.txt");
        assert_int_equal(count_in(out), count_in(source) - 1);
        assert_ok(thx_weights_open(&w, out, &err), err);
        assert_ok(thx_weights_open(&from, source, &err), err);
        assert_int_equal(thx_weights_count(w), thx_weights_count(from));
        assert_int_equal(type_of(w, "embed_tokens"), THX_Q8);
        assert_int_equal(type_of(w, "v_proj.weight"), THX_F16); /* the tower's comes first */
        assert_int_equal(type_of(w, "layers.0.mlp.up_proj"), type);
        assert_int_equal(type_of(w, "layers.0.mlp.down_proj"), type);
        assert_int_equal(type_of(w, "language_model.model.layers.0.self_attn.k_proj.weight"), THX_Q8);
        assert_int_equal(type_of(w, "language_model.model.layers.0.self_attn.k_proj.bias"), THX_F16);
        assert_int_equal(type_of(w, "multi_modal_projector.linear_1.weight"), THX_F16);
        for (size_t i = 0; i < thx_weights_count(w); i++) {
            const thx_view *v = thx_weights_at(w, i), *u = thx_weights_find(from, v->name);

            assert_int_equal(v->shape[0], u->shape[0]);
            assert_true(!thx_type_grouped(v->type) == !thx_weights_sha256(w, i));
            if (thx_type_grouped(v->type)) {
                thx_sha256_of(v->data, thx_view_bytes(v), hex);
                assert_string_equal(hex, thx_weights_sha256(w, i));
            } else {
                assert_memory_equal(v->data, u->data, thx_view_bytes(v));
            }
        }
        thx_weights_close(w), thx_weights_close(from);
        assert_int_equal(thx_model_quantize(source, NULL, out, type, 1, NULL, &err), THORAX_IO); /* not empty */
        assert_int_equal(thx_model_quantize(out, NULL, source, type, 1, NULL, &err), THORAX_MODEL); /* rounded already */
        assert_int_equal(count_in(root), 2);
        snprintf(extra, sizeof extra, "rm -r %s", out);
        assert_int_equal(system(extra), 0);
        assert_int_equal(mkdir(out, 0777), 0); /* an empty one is taken */
    }
}

static void products_equal(thx_ctx *ctx, const thx_weight *a, const thx_weight *b, size_t N, size_t K)
{
    const thx_tensor x = thx_tensor_alloc(ctx, 3, K), y = thx_tensor_alloc(ctx, 3, N), z = thx_tensor_alloc(ctx, 3, N);
    thorax_error     err;

    for (size_t i = 0; i < 3 * K; i++) x.data[i] = (float)(i % 23) - 11.0f;
    for (thx_role role = THX_PROMPT; role <= THX_GENERATED; role++) {
        assert_ok(ctx->ops->linear(ctx, y, x, a, NULL, role, &err), err);
        assert_ok(ctx->ops->linear(ctx, z, x, b, NULL, role, &err), err);
        assert_memory_equal(y.data, z.data, 3 * N * sizeof(float));
    }
}

/* A model opened with a type has the weights of a folder rounded to it, and another identity than without. */
static void while_opening(void **state)
{
    thx_model   *stored, *opened, *plain;
    thx_ctx     *ctx;
    thorax_error err;

    (void)state;
    write_checkpoint((uint64_t)1 << 40);
    assert_ok(thx_model_quantize(source, NULL, out, THX_Q4, 0, NULL, &err), err);
    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_FAST, 1, &err), err);
    assert_ok(thx_model_open(&stored, ctx, out, NULL, &err), err);
    assert_ok(thx_model_open(&opened, ctx, source, &(thx_model_options){ .type = THX_Q4 }, &err), err);
    assert_ok(thx_model_open(&plain, ctx, source, NULL, &err), err);
    const thx_decoder_config *c = &stored->decoder.config;
    const thx_decoder_layer  *a = &stored->decoder.layers[0], *b = &opened->decoder.layers[0];
    products_equal(ctx, a->q.w, b->q.w, c->H * c->E, c->D);
    products_equal(ctx, a->v.w, b->v.w, c->G * c->E, c->D);
    products_equal(ctx, a->down.w, b->down.w, c->D, c->F);
    products_equal(ctx, stored->decoder.head, opened->decoder.head, c->V, c->D);
    assert_int_equal(thx_weight_bytes(a->q.w), 0);
    assert_true(thx_weight_bytes(b->q.w) > 0 && thx_weight_bytes(b->q.w) < c->H * c->E * c->D);
    assert_string_not_equal(plain->identity, opened->identity);
    thx_model_close(stored), thx_model_close(opened), thx_model_close(plain);
    thx_cpu_close(ctx);
}

static bool stop_later(void *data, const char *what, size_t done, size_t total)
{
    (void)what;
    (void)total;
    return done < *(const size_t *)data;
}

static void nothing_left(void **state)
{
    const struct rlimit full = { 300000, RLIM_INFINITY }, free_again = { RLIM_INFINITY, RLIM_INFINITY };
    size_t              bytes = 200000;
    char                path[100];
    thorax_error        err;

    (void)state;
    write_checkpoint((uint64_t)1 << 40);
    assert_int_equal(thx_model_quantize(source, NULL, out, THX_Q8, 1, &(thx_progress){ stop_later, &bytes }, &err),
                     THORAX_CANCELLED);
    assert_int_equal(count_in(root), 1);
    signal(SIGXFSZ, SIG_IGN); /* files may not grow: a disk that is full */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    const thorax_status st = thx_model_quantize(source, NULL, out, THX_Q8, 1, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &free_again), 0);
    assert_int_equal(st, THORAX_IO);
    assert_non_null(strstr(err.text, "cannot write"));
    assert_int_equal(count_in(root), 1);
    assert_int_equal(thx_model_quantize(source, NULL, out, THX_F16, 1, NULL, &err), THORAX_USAGE);
    assert_int_equal(thx_model_quantize(root, NULL, out, THX_Q8, 1, NULL, &err), THORAX_MODEL);
    snprintf(path, sizeof path, "%s/config.json/out", source);
    assert_int_equal(thx_model_quantize(source, NULL, path, THX_Q8, 1, NULL, &err), THORAX_IO);
    assert_int_equal(count_in(root), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(folders, clear),
        cmocka_unit_test_teardown(while_opening, clear),
        cmocka_unit_test_teardown(nothing_left, clear),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
