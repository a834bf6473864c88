/* Sessions on a tiny random checkpoint: what is reused changes no bit, limits and cancelling are as said. */
#include "tiny.h"

#include "base/file.h"

static char folder[] = "/tmp/thorax-session-XXXXXX";
static unsigned char pixels[40 * 60];
static const thx_picture picture = { .width = 40, .height = 60, .channels = 1, .data = pixels };

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * 37 % 251);
    if (!mkdtemp(folder)) return 1;
    return !tiny_write(folder, 7);
}

static int teardown(void **state)
{
    (void)state;
    return tiny_remove(folder);
}

static thx_engine *open_engine(thx_engine_options o)
{
    return tiny_engine(folder, o);
}

static const thx_engine_options exact = { .precision = THX_EXACT, .cpu_level = -1 };

/* ---- Logits of the last prompt row ---- */

static thorax_status keep_row(void *data, const float *row, size_t n, thorax_error *err)
{
    float **out = data;
    (void)err;
    *out = realloc(*out, n * sizeof **out);
    memcpy(*out, row, n * sizeof **out);
    return THORAX_OK;
}

static float *last_logits(thx_session *s, const thx_message *m, size_t n, size_t *V)
{
    float *row = NULL;
    size_t T;
    thorax_error err;
    assert_ok(thx_session_logits(s, m, n, false, NULL, &T, V, NULL, keep_row, &row, &err), err);
    return row;
}

static const thx_message conversation[] = {
    { "user", "Are there any abnormalities?" }, { "assistant", "There is an effusion, I think." }, { "user", "Where is it? Be precise." },
};

static thx_request ask(const thx_message *m, size_t n, uint32_t max_new)
{
    return (thx_request){ .messages = m, .n_messages = n, .max_new_tokens = max_new,
                          .sampling = { .temperature = 1, .top_p = 1, .repetition_penalty = 1 } };
}

static void a_cached_beginning_changes_no_bit(void **state)
{
    static const thx_engine_options modes[] = { { .precision = THX_EXACT, .cpu_level = -1 }, { .precision = THX_FAST, .cpu_level = -1, .threads = 1 },
                                                { .precision = THX_FAST, .cpu_level = -1, .threads = 2 } };
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        thx_engine *e = open_engine(modes[i]);
        thx_session *fresh, *warm;
        thx_answer answer;
        thorax_error err;
        size_t V;

        assert_ok(thx_session_open(&fresh, e, &picture, &err), err);
        assert_ok(thx_session_open(&warm, e, &picture, &err), err);
        const thx_request first = ask(conversation, 1, 5);
        assert_ok(thx_session_generate(warm, &first, &answer, &err), err);
        assert_int_equal(answer.cached_tokens, 0);
        assert_true(answer.image_tokens > 0);
        thx_answer_deinit(&answer);
        const thx_request again = ask(conversation, 3, 1);
        assert_ok(thx_session_generate(warm, &again, &answer, &err), err);
        assert_true(answer.cached_tokens > answer.image_tokens);
        thx_answer_deinit(&answer);
        float *a = last_logits(fresh, conversation, 3, &V), *b = last_logits(warm, conversation, 3, &V);
        assert_memory_equal(a, b, V * sizeof *a);
        free(a);
        free(b);
        thx_session_close(fresh);
        thx_session_close(warm);
        thx_engine_close(e);
    }
}

static void threads_change_no_bit(void **state)
{
    float *rows[2];
    size_t V;
    (void)state;
    for (int i = 0; i < 2; i++) {
        thx_engine *e = open_engine((thx_engine_options){ .precision = THX_FAST, .cpu_level = -1, .threads = i + 1 });
        thx_session *s;
        thorax_error err;
        assert_ok(thx_session_open(&s, e, &picture, &err), err);
        rows[i] = last_logits(s, conversation, 3, &V);
        thx_session_close(s);
        thx_engine_close(e);
    }
    assert_memory_equal(rows[0], rows[1], V * sizeof(float));
    free(rows[0]);
    free(rows[1]);
}

/* ---- Limits ---- */

static void a_prompt_beyond_the_context_is_refused(void **state)
{
    thx_engine *e = open_engine((thx_engine_options){ .precision = THX_EXACT, .cpu_level = -1, .ctx_tokens = 8 });
    thx_session *s;
    thx_answer answer;
    thorax_error err;
    const thx_request r = ask(conversation, 3, 5);

    (void)state;
    assert_ok(thx_session_open(&s, e, NULL, &err), err);
    assert_int_equal(thx_session_generate(s, &r, &answer, &err), THORAX_LIMIT);
    thx_session_close(s);
    thx_engine_close(e);
}

static void a_memory_limit_is_kept_before_anything_is_taken(void **state)
{
    thx_engine *e = open_engine((thx_engine_options){ .precision = THX_EXACT, .cpu_level = -1, .mem_limit_bytes = 4096 });
    thx_session *s;
    thx_answer answer;
    thorax_error err;
    const thx_request r = ask(conversation, 1, 5);

    (void)state;
    assert_ok(thx_session_open(&s, e, &picture, &err), err);
    assert_int_equal(thx_session_generate(s, &r, &answer, &err), THORAX_NOMEM);
    assert_non_null(strstr(err.text, "limit"));
    thx_session_close(s);
    thx_engine_close(e);
}

static void requests_out_of_range_are_refused(void **state)
{
    thx_engine *e = open_engine(exact);
    thx_session *s;
    thx_answer answer;
    thorax_error err;
    thx_request r = ask(conversation, 0, 5);

    (void)state;
    assert_ok(thx_session_open(&s, e, &picture, &err), err);
    assert_int_equal(thx_session_generate(s, &r, &answer, &err), THORAX_USAGE);
    r = ask(conversation, 1, 0);
    assert_int_equal(thx_session_generate(s, &r, &answer, &err), THORAX_USAGE);
    thx_session_close(s);
    thx_engine_close(e);
}

/* ---- Cancelling and stopping ---- */

typedef struct counter { int left; const char *seen; } counter;

static bool count_down(void *data, const char *what, size_t done, size_t total)
{
    counter *c = data;
    (void)done, (void)total;
    c->seen = what;
    return --c->left > 0;
}

static void cancelling_leaves_the_session_usable(void **state)
{
    thx_engine *e = open_engine(exact);
    thx_session *s, *fresh;
    thx_answer a, b;
    thorax_error err;

    (void)state;
    assert_ok(thx_session_open(&s, e, &picture, &err), err);
    assert_ok(thx_session_open(&fresh, e, &picture, &err), err);
    for (int at = 1; at < 12; at++) { /* in the tower, the prompt, the answer */
        counter c = { .left = at };
        thx_request r = ask(conversation, 3, 6);
        r.progress = (thx_progress){ count_down, &c };
        r.ignore_eos = true;
        const thorax_status st = thx_session_generate(s, &r, &a, &err);
        if (c.left > 0) {
            assert_int_equal(st, THORAX_OK);
            thx_answer_deinit(&a);
            break;
        }
        assert_int_equal(st, THORAX_CANCELLED);
    }
    const thx_request r = ask(conversation, 3, 6);
    assert_ok(thx_session_generate(s, &r, &a, &err), err);
    assert_ok(thx_session_generate(fresh, &r, &b, &err), err);
    assert_int_equal(a.ids.size, b.ids.size);
    assert_memory_equal(a.ids.data, b.ids.data, a.ids.size * sizeof a.ids.data[0]);
    thx_answer_deinit(&a);
    thx_answer_deinit(&b);
    thx_session_close(s);
    thx_session_close(fresh);
    thx_engine_close(e);
}

static bool take_two(void *data, int32_t id)
{
    int *n = data;
    (void)id;
    return ++*n < 2;
}

static void the_caller_may_stop_an_answer(void **state)
{
    thx_engine *e = open_engine(exact);
    thx_session *s;
    thx_answer a;
    thorax_error err;
    int n = 0;
    thx_request r = ask(conversation, 1, 50);

    (void)state;
    r.on_id = take_two;
    r.data = &n;
    r.ignore_eos = true;
    assert_ok(thx_session_open(&s, e, NULL, &err), err);
    assert_ok(thx_session_generate(s, &r, &a, &err), err);
    assert_int_equal(a.ids.size, 2);
    assert_false(a.complete);
    thx_answer_deinit(&a);
    thx_session_close(s);
    thx_engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cached_beginning_changes_no_bit),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_prompt_beyond_the_context_is_refused),
        cmocka_unit_test(a_memory_limit_is_kept_before_anything_is_taken),
        cmocka_unit_test(requests_out_of_range_are_refused),
        cmocka_unit_test(cancelling_leaves_the_session_usable),
        cmocka_unit_test(the_caller_may_stop_an_answer),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
