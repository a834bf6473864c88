/* When memory runs out, whatever the moment: a call says THORAX_NOMEM, hands out nothing, leaves
 * nothing behind (the address sanitizer's leak check sees to that), and works the next time.
 *
 * Each case is a function that does one piece of work from beginning to end. It is run with the first
 * allocation failing, then the second, and so on, until it gets through without meeting the
 * failing one; where there are many, every allocation up to ALL and then a sample. */
#include "check.h"
#include "alloc/wrap.h"

#include "base/file.h"
#include "base/json.h"
#include "base/npy.h"
#include "base/string.h"
#include "film/film.h"
#include "index/index.h"
#include "metrics/bertscore.h"
#include "metrics/bootstrap.h"
#include "metrics/chexbert.h"
#include "metrics/chexbert_text.h"
#include "metrics/cider.h"
#include "metrics/stats.h"
#include "prep/prep.h"
#include "synth/checkpoint.h"
#include "text/clean.h"
#include "text/text.h"
#include "weights/weights.h"

enum { ALL = 200, SAMPLE = 100 };

static char folder[] = "/tmp/thorax-alloc-XXXXXX";

static const char *in(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *p = paths[next++ % 4];

    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

typedef thorax_status work(thorax_error *err);

static size_t count_of(work *run)
{
    thorax_error err = { 0 };

    wrap_arm(0);
    const thorax_status st = run(&err);
    const size_t total = wrap_disarm();
    if (st) fail_msg("with memory enough: %s", err.text);
    return total;
}

static void out_of_memory(work *run)
{
    const size_t total = count_of(run);

    assert_true(total > 0);
    for (size_t n = 1; n <= total; n += n < ALL || total < ALL + SAMPLE ? 1 : (total - ALL) / SAMPLE) {
        thorax_error err = { 0 };

        wrap_arm(n);
        const thorax_status st = run(&err);
        wrap_disarm();
        if (st != THORAX_NOMEM) fail_msg("allocation %zu of %zu failed, and the call said %d: %s", n, total, (int)st, err.text);
        assert_int_equal(err.status, THORAX_NOMEM);
        assert_true(err.text[0] != 0);
    }
    assert_int_equal(count_of(run), total);
}

/* ---- base ---- */
static thorax_status npy(thorax_error *err)
{
    const float   values[6] = { 0 };
    thx_npy       a;
    thorax_status st = thx_npy_write(in("a.npy"), "f4", values, (size_t[]){ 2, 3 }, 2, err);

    if (!st) st = thx_npy_read(&a, in("a.npy"), err);
    if (!st) thx_npy_deinit(&a);
    return st;
}

static thorax_status files(thorax_error *err)
{
    char  *data = NULL;
    size_t size;
    thorax_status st = thx_folder_make(in("sub/folder"), err);

    if (!st) st = thx_file_write(in("sub/folder/file"), "text", 4, err);
    if (!st) st = thx_file_read(&data, &size, in("sub/folder/file"), 100, err);
    free(data);
    return st;
}

static thorax_status strings(thorax_error *err)
{
    thx_string s = { 0 };

    for (int i = 0; i < 100; i++) thx_string_printf(&s, "%d and more, ", i);
    char *text = thx_string_take(&s);
    if (!text) return thx_fail(err, THORAX_NOMEM, 0, "a string");
    free(text);
    return THORAX_OK;
}

/* ---- film, prep ---- */
static thorax_status film(thorax_error *err)
{
    thx_film     *f;
    thx_picture   picture = { 0 }, small = { 0 };
    thorax_status st = thx_film_open(&f, in("film.png"), NULL, err);

    if (!st) st = thx_film_render(&picture, f, THX_PROFILE_DISPLAY, err);
    if (!st) st = thx_picture_resize(&small, &picture, 20, 30, THX_BICUBIC, err);
    if (!st) st = thx_picture_write_png(&small, in("small.png"), err);
    thx_picture_deinit(&small);
    thx_picture_deinit(&picture);
    thx_film_close(f);
    return st;
}

static thorax_status samples(thorax_error *err)
{
    static const uint16_t grey[12] = { 0, 1000, 65535 };
    thx_film     *f;
    const thorax_status st = thx_film_from_samples(&f, grey, 4, 3, THX_GREY, 2, NULL, err);

    thx_film_close(f);
    return st;
}

/* ---- weights ---- */
static void write_tensors(const char *path, const char *header, size_t bytes)
{
    const size_t   n = strlen(header);
    unsigned char *data = calloc(1, 8 + n + bytes);
    thorax_error   err;

    data[0] = (unsigned char)n;
    memcpy(data + 8, header, n);
    assert_ok(thx_file_write(path, data, 8 + n + bytes, &err), err);
    free(data);
}

static thorax_status weights(thorax_error *err)
{
    thx_weights  *w;
    const thorax_status st = thx_weights_open(&w, in("shards"), err);

    if (st) assert_null(w);
    thx_weights_close(w);
    return st;
}

static thorax_status pytorch(thorax_error *err)
{
    static const char *const files[] = { "ok-views.bin", "ok-legacy.bin", "ok-nested.pt" };
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < sizeof files / sizeof files[0]; i++) {
        char         name[100];
        thx_weights *w;

        snprintf(name, sizeof name, "tests/fuzz/corpus/pytorch/%s", files[i]);
        st = thx_weights_open_file(&w, source_path(name), err);
        if (st) assert_null(w);
        thx_weights_close(w);
    }
    return st;
}

/* ---- text ---- */
static const char tokenizer_json[] =
    "{\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{L}+|\\\\p{N}|[^\\\\p{L}\\\\p{N}]\"},\"behavior\":\"Isolated\",\"invert\":false},"
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":false}]},"
    "\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":false},"
    "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":false},"
    "\"added_tokens\":[{\"id\":6,\"content\":\"<|im_end|>\",\"special\":true,\"single_word\":false,\"lstrip\":false,"
    "\"rstrip\":false,\"normalized\":false}],"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4,\"\xc4\xa0\":5},"
    "\"merges\":[\"a b\",[\"ab\",\"c\"]]}}";

static thorax_status tokenizer(thorax_error *err)
{
    thx_tokenizer *t;
    thx_ids        ids = { 0 };
    thx_string     text = { 0 };
    thorax_status  st = thx_tokenizer_open(&t, folder, err);

    if (!st) st = thx_tokenizer_encode(t, "abc ab<|im_end|>", 16, true, &ids, err);
    if (!st) st = thx_tokenizer_decode(t, ids.data, ids.size, false, &text, err);
    if (!st) assert_int_equal(ids.size, 4);
    if (!st) assert_string_equal(text.data, "abc ab<|im_end|>");
    thx_string_deinit(&text);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    return st;
}

/* A conversation about a film, and the text of its ids. */
static thorax_status pieces(thorax_error *err)
{
    static const thx_message talk[] = { { "user", "Where \xc3\xa9?" }, { "assistant", "the heart" }, { "user", "" } };
    thx_tokenizer *t = NULL;
    thx_template  *v1 = NULL;
    thx_prompt     p = { 0 };
    thx_string     text = { 0 };
    thorax_status  st = thx_tokenizer_open(&t, in("llama"), err);

    if (!st) st = thx_template_builtin(&v1, "v1", err);
    if (!st) st = thx_template_render(&p, v1, t, talk, 3, 2, 7, err);
    if (!st) st = thx_tokenizer_decode(t, p.ids.data, p.ids.size, false, &text, err);
    if (!st) st = thx_question_rad(&text, "a<image>", err);
    thx_string_deinit(&text);
    thx_prompt_deinit(&p);
    thx_template_close(v1);
    thx_tokenizer_close(t);
    return st;
}

static thorax_status words(thorax_error *err)
{
    thx_tokenizer *t;
    thx_ids        ids = { 0 };
    thx_string     text = { 0 };
    thorax_status  st = thx_tokenizer_open(&t, in("bert"), err);

    if (!st) st = thx_tokenizer_encode_whole(t, "The heart [SEP] \xff", 17, true, 0, &ids, err);
    if (!st) st = thx_tokenizer_decode(t, ids.data, ids.size, false, &text, err);
    thx_string_deinit(&text);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    return st;
}

/* Tokenizers of text encoders: Unigram with its table, tokens of the normal form, a byte-level class without JSON. */
static thorax_status forms(thorax_error *err)
{
    static const char *const folders[] = { "encoder/unigram", "encoder/mpnet", "encoder/roberta" };
    char          path[96];
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < 3 && !st; i++) {
        thx_tokenizer *t;
        thx_ids        ids = { 0 };
        snprintf(path, sizeof path, "tests/data/%s", folders[i]);
        st = thx_tokenizer_open(&t, source_path(path), err);
        if (!st) st = thx_tokenizer_encode_whole(t, "The heart <mask> \xef\xac\x81 [UNK]\xff", 24, true, 0, &ids, err);
        thx_ids_deinit(&ids);
        thx_tokenizer_close(t);
    }
    return st;
}

static thorax_status cleaning(thorax_error *err)
{
    static const char text[] = "size &amp;lt; 3 cm, patient\xe2\x80\x99s";
    thx_string        out = { 0 };

    thx_text_clean(&out, text, sizeof text - 1);
    const thorax_status st = out.failed ? thx_fail(err, THORAX_NOMEM, 0, "a text") : THORAX_OK;
    thx_string_deinit(&out);
    return st;
}

/* ---- metrics ---- */
static const char *const    answers[] = { "No edema\xff.\nThe heart is enlarged.", "clear lungs &amp; 4.2 cm" };
static const char *const    references[] = { "No edema is seen.\nLarge heart.", "lungs are clear" };
static const thx_pairs      pairs = { answers, references, NULL, 2 };
static const thx_resampling few = { 20, 0.95, 3 };

static thorax_status rouge(thorax_error *err)
{
    thx_rouge     r;
    thx_mt19937   stream;
    thx_interval  interval[3];
    thorax_status st = thx_rouge_score(&r, &pairs, THX_ROUGE_BIT(THX_ROUGE_KINDS) - 2, true, err);

    thx_mt19937_seed(&stream, 3);
    if (st) return st;
    st = thx_bootstrap_rouge(interval, &r, THX_ROUGE_L, 20, 0.95, &stream, err);
    thx_rouge_deinit(&r);
    return st;
}

static thorax_status bleu(thorax_error *err)
{
    thx_bleu_coco          c = { 0 };
    thx_bleu_sacrebleu     s = { 0 };
    thx_bleu_hf            h = { 0 };
    thx_interval           interval;
    thx_interval_sacrebleu wide;
    double                 two[2];
    thorax_status          st = thx_bleu_coco_score(&c, &pairs, err);

    if (!st) st = thx_bootstrap_bleu_coco(&interval, &c, 4, &few, NULL, err);
    if (!st) st = thx_bleu_sacrebleu_score(&s, &pairs, 4, err);
    if (!st) st = thx_bootstrap_sacrebleu(&wide, &s, 20, err);
    if (!st) st = thx_bleu_hf_score(&h, &pairs, 4, true, err);
    if (!st) st = thx_bleu2_radcliq(two, NULL, &pairs, err);
    thx_bleu_coco_deinit(&c);
    thx_bleu_sacrebleu_deinit(&s);
    thx_bleu_hf_deinit(&h);
    return st;
}

static thorax_status scores(thorax_error *err)
{
    static const double  a[] = { 1, 2, 3 }, b[] = { 2, 2, 1 };
    static const uint8_t table[] = { 1, 0, 1, 1 };
    thx_cider            c = { 0 };
    thx_interval         interval;
    thx_paired           paired;
    thx_wilcoxon         ranks;
    thx_string           text = { 0 };
    thorax_status        st = thx_cider_d(&c, &pairs, err);

    if (!st) st = thx_bootstrap_f1(&interval, table, table, 2, 2, true, &few, NULL, err);
    if (!st) st = thx_paired_bootstrap(&paired, a, b, 3, 20, 0.95, 3, err);
    if (!st) st = thx_paired_randomisation(&paired, a, b, 3, 20, 3, err);
    if (!st) st = thx_wilcoxon_test(&ranks, a, b, 3, err);
    if (!st) thx_chexbert_clean(&text, answers[0], strlen(answers[0]), THX_CHEXBERT_LIST);
    if (text.failed) st = thx_fail(err, THORAX_NOMEM, 0, "a text");
    thx_string_deinit(&text);
    thx_cider_deinit(&c);
    return st;
}

static const char *bertscore_folder, *chexbert_folder;

static thorax_status bertscore(thorax_error *err)
{
    const thx_bertscore_settings s = { .layer = 1, .idf = true, .batch_size = 1, .memory_bytes = 1 };
    thx_bertscore                values[2];
    thx_ctx                     *ctx = NULL;
    thx_text_encoder            *e = NULL;
    thorax_status                st = thx_cpu_open(&ctx, THX_CPU_REF, THX_EXACT, 1, err);

    if (!st) st = thx_text_encoder_open(&e, ctx, bertscore_folder, &(thx_text_encoder_options){ .layers = 1 }, err);
    if (!st) st = thx_bertscore_score(e, &s, &pairs, values, NULL, NULL, err);
    thx_text_encoder_close(e);
    thx_cpu_close(ctx);
    return st;
}

static thorax_status chexbert(thorax_error *err)
{
    unsigned char              classes[2 * THX_CHEXBERT];
    const thx_chexbert_results results = { .classes = classes };
    thx_ctx                   *ctx = NULL;
    thx_chexbert              *net = NULL;
    thorax_status              st = thx_cpu_open(&ctx, THX_CPU_REF, THX_EXACT, 1, err);

    if (!st) st = thx_chexbert_open(&net, ctx, chexbert_folder, NULL, err);
    if (!st) st = thx_chexbert_run(net, answers, 2, THX_CHEXBERT_F1, &results, NULL, err);
    thx_chexbert_close(net);
    thx_cpu_close(ctx);
    return st;
}

static void bertscore_case(void **state)
{
    (void)state;
    bertscore_folder = shared_path("golden/bert-distil-like/model");
    out_of_memory(bertscore);
}

static void chexbert_case(void **state)
{
    (void)state;
    chexbert_folder = shared_path("golden/bert-chexbert/model");
    out_of_memory(chexbert);
}

/* ---- index ---- */
static thorax_status indexing(thorax_error *err)
{
    static const char        model[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const float       vectors[6] = { 1, 0, 0, 1, 0.6f, 0.8f };
    static const char *const names[3] = { "a", "b", "c" };
    thx_ctx      *ctx = NULL;
    thx_index    *x = NULL;
    thx_hit       hits[2];
    size_t        n, rank;
    float         score;
    thorax_status st = thx_index_append(in("index"), model, THX_INDEX_FILM, vectors, names, 3, 2, err);

    if (!st) st = thx_index_open(&x, in("index"), model, err);
    if (!st) st = thx_cpu_open(&ctx, THX_CPU_REF, THX_EXACT, 1, err);
    if (!st) st = thx_index_search(ctx, x, vectors + 4, 2, hits, &n, err);
    if (!st) st = thx_index_rank(ctx, x, vectors + 4, 0, &rank, &score, err);
    if (ctx) thx_cpu_close(ctx);
    thx_index_close(x);
    unlink(in("index"));
    return st;
}

/* ---- the public functions, on a random checkpoint ---- */
static thorax_status open_and_close(thorax_error *err)
{
    thorax_model       *model;
    const thorax_status st = thorax_model_open(&model, in("model"), NULL, err);

    if (st) assert_null(model);
    thorax_model_close(model);
    return st;
}

/* A conversation about a film, or about none; the result as JSON and as a picture. */
static thorax_status converse(bool with_film, bool caches, thorax_error *err)
{
    static const thorax_message question = { "user", "What is it?" };
    thorax_film    *f = NULL;
    thorax_model   *model;
    thorax_session *session = NULL;
    thorax_result  *result = NULL;
    thorax_options  options = thorax_options_default();
    thorax_model_options how = thorax_model_options_default();

    how.threads = 1;
    if (!caches) how.cache_memory_bytes = 0;
    else how.cache_folder = in("caches");
    options.max_new_tokens = 2;
    thorax_status st = thorax_model_open(&model, in("model"), &how, err);
    if (!st && with_film) st = thorax_film_open(&f, in("film.png"), NULL, err);
    if (!st) st = thorax_session_open(&session, model, f, err);
    if (!st) st = thorax_chat(&result, session, &question, 1, &options, err);
    if (st) assert_null(result);
    if (!st && with_film) st = thorax_result_overlay(result, f, in("overlay.png"), err);
    if (!st && !thorax_result_json(result)) st = thx_fail(err, THORAX_NOMEM, 0, "no JSON");
    thorax_result_close(result);
    thorax_session_close(session);
    thorax_film_close(f);
    thorax_model_close(model);
    return st;
}

static thorax_status talk(thorax_error *err) { return converse(false, false, err); }
static thorax_status look(thorax_error *err) { return converse(true, false, err); }

static void remove_caches(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -rf '%s'", in("caches"));
    assert_int_equal(system(command), 0);
}

/* Caches are allowed to keep or find nothing: then the answer is computed all the same. */
static thorax_status remember(thorax_error *err) { return converse(true, true, err); }

static void caches_may_do_without(void **state)
{
    (void)state;
    for (int found = 0; found < 2; found++) {
        const size_t total = count_of(remember), more = total / 4; /* the thread that writes counts too */

        for (size_t n = 1; n <= total + more; n += n < ALL ? 1 : 1 + total / SAMPLE) {
            thorax_error err = { 0 };

            if (!found) remove_caches();
            wrap_arm(n);
            const thorax_status st = remember(&err);
            wrap_disarm();
            if (st && st != THORAX_NOMEM) fail_msg("allocation %zu of %zu failed, and the call said %d: %s", n, total, (int)st, err.text);
        }
    }
    count_of(remember); /* works once there is memory again */
}

/* A file of tests/data/DIR into a folder of that name. */
static void copy(const char *dir, const char *name)
{
    char from[128], to[128], *data;
    size_t size;
    thorax_error err;

    snprintf(from, sizeof from, "tests/data/%s/%s", dir, name);
    snprintf(to, sizeof to, "%s/%s", dir, name);
    assert_ok(thx_file_read(&data, &size, source_path(from), 1 << 20, &err), err);
    assert_ok(thx_folder_make(in(dir), &err), err);
    assert_ok(thx_file_write(in(to), data, size, &err), err);
    free(data);
}

static int write_inputs(void **state)
{
    thorax_error  err;
    unsigned char grey[40 * 50];

    (void)state;
    if (!mkdtemp(folder)) return -1;
    for (size_t i = 0; i < sizeof grey; i++) grey[i] = (unsigned char)i;
    assert_ok(thx_picture_write_png(&(thx_picture){ 40, 50, 1, grey }, in("film.png"), &err), err);
    assert_ok(thx_file_write(in("tokenizer.json"), tokenizer_json, sizeof tokenizer_json - 1, &err), err);
    copy("llama", "tokenizer.model");
    copy("bert", "vocab.txt");
    assert_ok(thx_folder_make(in("shards"), &err), err);
    write_tensors(in("shards/1.safetensors"), "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
    write_tensors(in("shards/2.safetensors"), "{\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4);
    const char index[] = "{\"metadata\":{},\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}";
    assert_ok(thx_file_write(in("shards/model.safetensors.index.json"), index, sizeof index - 1, &err), err);
    thx_checkpoint_options model = thx_checkpoint_options_default();
    model.arch = "tiny";
    model.seed = 5;
    assert_ok(thx_checkpoint_write(&model, in("model"), NULL, &err), err);
    return 0;
}

static int remove_inputs(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

#define CASE(name) \
    static void name##_case(void **state) { (void)state; out_of_memory(name); }
CASE(npy)
CASE(files)
CASE(strings)
CASE(film)
CASE(samples)
CASE(weights)
CASE(pytorch)
CASE(tokenizer)
CASE(pieces)
CASE(words)
CASE(forms)
CASE(cleaning)
CASE(indexing)
CASE(rouge)
CASE(bleu)
CASE(scores)
CASE(open_and_close)
CASE(talk)
CASE(look)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_case),    cmocka_unit_test(files_case),   cmocka_unit_test(strings_case),
        cmocka_unit_test(film_case),   cmocka_unit_test(samples_case), cmocka_unit_test(weights_case),
        cmocka_unit_test(pytorch_case),
        cmocka_unit_test(tokenizer_case), cmocka_unit_test(open_and_close_case), cmocka_unit_test(talk_case),
        cmocka_unit_test(pieces_case), cmocka_unit_test(words_case), cmocka_unit_test(forms_case),
        cmocka_unit_test(look_case),   cmocka_unit_test(caches_may_do_without), cmocka_unit_test(cleaning_case),
        cmocka_unit_test(indexing_case), cmocka_unit_test(rouge_case), cmocka_unit_test(bleu_case),
        cmocka_unit_test(scores_case),
        cmocka_unit_test(bertscore_case), cmocka_unit_test(chexbert_case),
    };
    return cmocka_run_group_tests(tests, write_inputs, remove_inputs);
}
