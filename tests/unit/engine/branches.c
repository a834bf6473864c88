/* Several conversations about one film at once, forks, and drafts: none of them changes a bit. Tiny random checkpoint
 * for the logits; the demo model, whose answers are sentences, for drafts. */
#include "tiny.h"

#include "base/file.h"

enum { QUESTIONS = 5 };

static char folder[] = "/tmp/thorax-branches-XXXXXX";
static unsigned char pixels[60 * 40];
static const thx_picture picture = { .width = 60, .height = 40, .channels = 1, .data = pixels };

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * 53 % 241);
    if (!mkdtemp(folder)) return 1;
    return !tiny_write(folder, 11);
}

static int teardown(void **state)
{
    (void)state;
    return tiny_remove(folder);
}

static thx_session *open_session(thx_engine *e)
{
    thx_session *s;
    thorax_error err;
    assert_ok(thx_session_open(&s, e, &picture, &err), err);
    return s;
}

static const thx_message turns[QUESTIONS][3] = {
    { { "user", "Is the heart enlarged?" } },
    { { "user", "Is the heart normal, and are the lungs clear? Say so in one sentence, please." } },
    { { "user", "Where is it?" }, { "assistant", "On the left." }, { "user", "How large?" } },
    { { "system", "Be brief." }, { "user", "Report." } },
    { { "user", "Is the heart enlarged?" } }, /* the first once more */
};
static const size_t n_turns[QUESTIONS] = { 1, 1, 3, 2, 1 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MODES = 1 }; /* code under a sanitizer is slow, and its bits are those of the plain build */
#else
enum { MODES = 5 };
#endif
static const thx_engine_options modes[] = { { .precision = THX_FAST, .cpu_level = -1, .threads = 2 },
                                            { .precision = THX_EXACT, .cpu_level = -1 },
                                            { .precision = THX_FAST, .cpu_level = -1, .threads = 1 },
                                            { .precision = THX_FAST, .cpu_level = -1, .kv_bits = 8 },
                                            { .precision = THX_FAST, .cpu_level = THX_CPU_AVX2 } };

static void logits_of_many_prompts_are_those_of_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        thx_engine      *e = tiny_engine(folder, modes[i]);
        const size_t     V = thx_engine_model(e)->decoder.config.V;
        float           *all = malloc(QUESTIONS * V * sizeof *all), *one = malloc(V * sizeof *one);
        thx_conversation list[QUESTIONS];
        thx_prompt_use   use;
        thorax_error     err;
        thx_session     *s = open_session(e);

        for (size_t k = 0; k < QUESTIONS; k++) list[k] = (thx_conversation){ turns[k], n_turns[k] };
        assert_ok(thx_session_next_logits(s, list, QUESTIONS, NULL, all, &use, &err), err);
        assert_int_equal(use.cached_tokens, 0);
        assert_true(use.image_tokens > 0);
        for (size_t k = 0; k < QUESTIONS; k++) {
            thx_session *fresh = open_session(e);
            assert_ok(thx_session_next_logits(fresh, &list[k], 1, NULL, one, &use, &err), err);
            assert_memory_equal(one, all + k * V, V * sizeof *one);
            assert_ok(thx_session_next_logits(s, &list[k], 1, NULL, one, &use, &err), err); /* behind what is held */
            assert_memory_equal(one, all + k * V, V * sizeof *one);
            thx_session_close(fresh);
        }
        thx_session_close(s);
        thx_engine_close(e);
        free(all);
        free(one);
    }
}

/* Sampled, so that the smallest difference of a logit would show sooner or later. */
static thx_request request(size_t k, bool drafts)
{
    return (thx_request){ .messages = turns[k], .n_messages = n_turns[k], .max_new_tokens = (uint32_t)(8 + 3 * k), .ignore_eos = true,
                          .drafts = drafts,
                          .sampling = { .sample = true, .temperature = 0.8, .top_p = 1, .repetition_penalty = 1.05, .seed = 3 + k } };
}

static void assert_same_answer(const thx_answer *a, const thx_answer *b)
{
    assert_int_equal(a->ids.size, b->ids.size);
    assert_memory_equal(a->ids.data, b->ids.data, a->ids.size * sizeof a->ids.data[0]);
    assert_string_equal(a->prompt_sha256, b->prompt_sha256);
    assert_int_equal(a->text.size, b->text.size);
}

static void answers_side_by_side_are_those_of_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        thx_engine  *e = tiny_engine(folder, modes[i]);
        thx_session *s = open_session(e);
        thx_request  r[QUESTIONS];
        thx_answer   all[QUESTIONS], one;
        thorax_error err;

        for (size_t k = 0; k < QUESTIONS; k++) r[k] = request(k, true);
        assert_ok(thx_session_generate_all(s, r, QUESTIONS, all, &err), err);
        for (size_t k = 0; k < QUESTIONS; k++) {
            const thx_request plain = request(k, false);
            thx_session      *fresh = open_session(e);

            assert_ok(thx_session_generate(fresh, &plain, &one, &err), err);
            assert_int_equal(one.ids.size, plain.max_new_tokens);
            assert_int_equal(one.drafts.proposed, 0);
            assert_same_answer(&one, &all[k]);
            thx_answer_deinit(&one);
            thx_answer_deinit(&all[k]);
            thx_session_close(fresh);
        }
        thx_session_close(s);
        thx_engine_close(e);
    }
}

static void forks_go_their_own_ways(void **state)
{
    thx_engine       *e = tiny_engine(folder, modes[1]);
    thx_session      *s = open_session(e), *fork, *fresh = open_session(e);
    const thx_request first = request(0, false), left = request(1, false), right = request(2, false);
    thx_answer        a, b;
    thorax_error      err;

    (void)state;
    assert_ok(thx_session_generate(s, &first, &a, &err), err);
    thx_answer_deinit(&a);
    assert_ok(thx_session_fork(&fork, s, &err), err);
    assert_ok(thx_session_generate(s, &left, &a, &err), err);
    assert_true(a.cached_tokens > a.image_tokens);
    thx_answer_deinit(&a);
    assert_ok(thx_session_generate(fork, &right, &a, &err), err);
    assert_true(a.cached_tokens > a.image_tokens);
    thx_session_close(s); /* what it shared lives on */
    assert_ok(thx_session_generate(fresh, &right, &b, &err), err);
    assert_same_answer(&a, &b);
    thx_answer_deinit(&a);
    assert_ok(thx_session_generate(fork, &right, &a, &err), err);
    assert_same_answer(&a, &b);
    thx_answer_deinit(&a);
    thx_answer_deinit(&b);
    thx_session_close(fork);
    thx_session_close(fresh);
    thx_engine_close(e);
}

static bool stop(void *data, int32_t id)
{
    (void)data, (void)id;
    return false;
}

static void one_answer_that_stops_stops_no_other(void **state)
{
    thx_engine  *e = tiny_engine(folder, modes[0]);
    thx_session *s = open_session(e);
    thx_request  r[2] = { request(0, false), request(1, false) };
    thx_answer   a[2];
    thorax_error err;

    (void)state;
    r[0].on_id = stop;
    assert_ok(thx_session_generate_all(s, r, 2, a, &err), err);
    assert_int_equal(a[0].ids.size, 1);
    assert_int_equal(a[1].ids.size, r[1].max_new_tokens);
    thx_answer_deinit(&a[0]);
    thx_answer_deinit(&a[1]);
    thx_session_close(s);
    thx_engine_close(e);
}

static void an_answer_that_cannot_be_leaves_none(void **state)
{
    thx_engine  *e = tiny_engine(folder, modes[0]);
    thx_session *s = open_session(e);
    thx_request  r[2] = { request(0, false), request(1, false) };
    thx_answer   a[2];
    thorax_error err;

    (void)state;
    r[1].max_new_tokens = 0;
    assert_int_equal(thx_session_generate_all(s, r, 2, a, &err), THORAX_USAGE);
    r[1].max_new_tokens = 4;
    r[1].sampling.seed = 1;
    r[1].messages = &(thx_message){ "nobody", "x" };
    assert_int_equal(thx_session_generate_all(s, r, 2, a, &err), THORAX_USAGE);
    assert_null(a[0].ids.data);
    assert_null(a[1].ids.data);
    thx_session_close(s);
    thx_engine_close(e);
}

/* ---- Drafts ---- */

static const char corpus_text[] = "The heart size is normal. The lungs are clear. There is no pleural effusion or pneumothorax.\n"
                                  "\n"
                                  "The heart size is normal. There is edema. There is no pleural effusion or pneumothorax.\r\n"
                                  "This image is not a chest X-ray.\nThere are no abnormalities on this image.";

static char *write_corpus(const char *name, const char *text)
{
    char        *path = thx_path_join(folder, name);
    thorax_error err;
    assert_ok(thx_file_write(path, text, strlen(text), &err), err);
    return path;
}

static void drafts_change_no_id(void **state)
{
    static const thx_message question = { "user", "Provide a radiology report for this Chest X-Ray." };
    const char              *source = getenv("THORAX_SOURCE");
    char                    *corpus = write_corpus("corpus.txt", corpus_text), *demo = thx_path_join(source ? source : ".", "models/demo");
    thx_engine              *e = tiny_engine(demo, (thx_engine_options){ .precision = THX_FAST, .cpu_level = -1, .draft_corpus = corpus });
    thx_request              r = { .messages = &question, .n_messages = 1, .max_new_tokens = 60,
                                   .sampling = { .temperature = 1, .top_p = 1, .repetition_penalty = 1 } };
    thx_answer               plain, drafted;
    thorax_error             err;

    (void)state;
    thx_session *s = open_session(e);
    assert_ok(thx_session_generate(s, &r, &plain, &err), err);
    r.drafts = true;
    assert_ok(thx_session_generate(s, &r, &drafted, &err), err);
    assert_same_answer(&plain, &drafted);
    assert_true(drafted.drafts.accepted > 0);
    assert_true(drafted.drafts.accepted <= drafted.drafts.proposed);
    assert_true(drafted.drafts.passes < plain.drafts.passes);
    assert_int_equal(drafted.drafts.passes + drafted.drafts.accepted, plain.drafts.passes);
    thx_answer_deinit(&plain);
    thx_answer_deinit(&drafted);
    thx_session_close(s);
    thx_engine_close(e);
    free(corpus);
    free(demo);
}

static void a_corpus_knows_what_follows(void **state)
{
    char          *path = write_corpus("known.txt", "The lungs are clear.\nThe lungs are clear.\nThe lungs are wide.\n");
    thx_ids        ids = { 0 };
    thx_tokenizer *t;
    thx_corpus    *c;
    thorax_error   err;
    double         share;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_ok(thx_corpus_open(&c, path, t, 77777, &err), err);
    assert_ok(thx_tokenizer_encode(t, "The lungs are clear.", 20, false, &ids, &err), err);
    for (size_t i = 0; i < ids.size; i++) assert_int_equal(thx_corpus_next(c, ids.data, i, &share), ids.data[i]);
    assert_int_equal(thx_corpus_next(c, ids.data, ids.size, &share), 77777);
    assert_true(share > 0.5 && share < 1.0);
    assert_int_equal(thx_corpus_next(c, (const int32_t[]){ 123456 }, 1, &share), -1); /* never seen */
    thx_corpus_close(c);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    free(path);
}

static void an_empty_corpus_is_refused(void **state)
{
    char          *path = write_corpus("empty.txt", "\n  \r\n\n");
    thx_tokenizer *t;
    thx_corpus    *c;
    thorax_error   err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_int_equal(thx_corpus_open(&c, path, t, 1, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "empty.txt"));
    assert_int_equal(thx_corpus_open(&c, "/nowhere/at/all", t, 1, &err), THORAX_IO);
    thx_tokenizer_close(t);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_of_many_prompts_are_those_of_each),
        cmocka_unit_test(answers_side_by_side_are_those_of_each),
        cmocka_unit_test(forks_go_their_own_ways),
        cmocka_unit_test(one_answer_that_stops_stops_no_other),
        cmocka_unit_test(an_answer_that_cannot_be_leaves_none),
        cmocka_unit_test(drafts_change_no_id),
        cmocka_unit_test(a_corpus_knows_what_follows),
        cmocka_unit_test(an_empty_corpus_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
