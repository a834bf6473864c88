/* Questions to a service that misbehaves: order, tries, limits, kept answers, what is told and what is not. */
#include "check.h"

#include "net/answers.h"
#include "net/chat.h"
#include "stub/stub.h"

#include <dirent.h>
#include <time.h>

enum { MANY = 24 };

typedef struct talk {
    stub            *stub;
    thx_chat_options options;
    thx_chat        *chat;
    thx_chat_reply   replies[MANY];
    thorax_error     err;
} talk;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void begin(talk *t, const char *moves, const char *say)
{
    *t = (talk){ .stub = stub_start(moves, say), .options = thx_chat_options_default() };
    t->options.url = stub_url(t->stub);
    t->options.model = "m";
    t->options.wait_s = 0.002;
    t->options.wait_max_s = 0.02;
    t->options.idle_s = t->options.total_s = 1.5;
    t->options.max_bytes = 65536;
    t->options.tries = 3;
}

/* Asks n questions "QUESTION i"; with_moves: texts of their own instead. */
static thorax_status ask(talk *t, const char *const *texts, size_t n, const thx_chat_watch *watch)
{
    static char       numbered[MANY][32];
    thorax_message    m[MANY];
    thx_chat_question q[MANY];

    if (!t->chat) assert_ok(thx_chat_open(&t->chat, &t->options, &t->err), t->err);
    for (size_t i = 0; i < n; i++) {
        snprintf(numbered[i], sizeof numbered[i], "QUESTION %zu", i);
        m[i] = (thorax_message){ .role = "user", .content = texts ? texts[i] : numbered[i] };
        q[i] = (thx_chat_question){ .messages = &m[i], .n = 1 };
    }
    return thx_chat_ask(t->chat, q, n, t->replies, watch, &t->err);
}

static void end(talk *t)
{
    thx_chat_replies_deinit(t->replies, MANY);
    thx_chat_close(t->chat);
    stub_stop(t->stub);
}

static void answers_come_in_the_order_of_questions(void **state)
{
    talk t;
    char want[64];

    (void)state;
    begin(&t, "ok@60,ok@5,ok@90,ok,ok@30", NULL);
    assert_ok(ask(&t, NULL, MANY, NULL), t.err);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(want, sizeof want, "echo QUESTION %zu", i);
        assert_int_equal(t.replies[i].state, THX_CHAT_ANSWERED);
        assert_string_equal(t.replies[i].text, want);
        assert_string_equal(t.replies[i].model, "stub-1");
    }
    assert_int_equal(stub_requests(t.stub), MANY);
    assert_true(stub_most(t.stub) > 1 && stub_most(t.stub) <= 4);
    assert_int_equal(thx_chat_get_account(t.chat).prompt_tokens, 100 * MANY);
    end(&t);
}

static void every_misbehaviour_has_its_state(void **state)
{
    static const struct { const char *text; thx_chat_state state; uint32_t tries; } cases[] = {
        { "a MOVES:ok;", THX_CHAT_ANSWERED, 1 },
        { "b MOVES:429,500,ok;", THX_CHAT_ANSWERED, 3 },
        { "c MOVES:429:0,ok;", THX_CHAT_ANSWERED, 2 },
        { "d MOVES:500;", THX_CHAT_FAILED, 3 },
        { "e MOVES:broken,ok;", THX_CHAT_ANSWERED, 2 },
        { "f MOVES:broken;", THX_CHAT_BROKEN, 3 },
        { "g MOVES:html;", THX_CHAT_BROKEN, 3 },
        { "h MOVES:type;", THX_CHAT_ANSWERED, 1 },
        { "i MOVES:truncated,ok;", THX_CHAT_ANSWERED, 2 },
        { "j MOVES:truncated;", THX_CHAT_BROKEN, 3 },
        { "k MOVES:huge;", THX_CHAT_BROKEN, 1 },
        { "l MOVES:close,garbage,ok;", THX_CHAT_ANSWERED, 3 },
        { "m MOVES:silent,ok;", THX_CHAT_ANSWERED, 2 },
        { "n MOVES:refusal;", THX_CHAT_REFUSED, 1 },
        { "o MOVES:filter;", THX_CHAT_FILTERED, 1 },
        { "p MOVES:filter400;", THX_CHAT_FILTERED, 1 },
        { "q MOVES:empty;", THX_CHAT_EMPTY, 1 },
        { "r MOVES:400;", THX_CHAT_REJECTED, 1 },
        { "s MOVES:cut;", THX_CHAT_CUT, 1 },
        { "t MOVES:error200,ok;", THX_CHAT_ANSWERED, 2 },
        { "u MOVES:503:date,ok;", THX_CHAT_ANSWERED, 2 },
        { "v not UTF-8 \xff", THX_CHAT_REJECTED, 0 },
    };
    enum { N = sizeof cases / sizeof *cases };
    const char *texts[N];
    talk        t;

    (void)state;
    begin(&t, "404", NULL);
    t.options.in_flight = 16;
    for (size_t i = 0; i < N; i++) texts[i] = cases[i].text;
    assert_ok(ask(&t, texts, N, NULL), t.err);
    for (size_t i = 0; i < N; i++) {
        const thx_chat_reply *r = &t.replies[i];
        if (r->state != cases[i].state || r->tries != cases[i].tries)
            fail_msg("%s: %s, %u requests (%s)", cases[i].text, thx_chat_state_text(r->state), r->tries, r->why);
        assert_true(!r->text == (r->state != THX_CHAT_ANSWERED && r->state != THX_CHAT_CUT));
        if (!r->text) assert_null(strstr(r->why, "SECRET"));
        if (!r->text) assert_null(strstr(r->why, "MOVES"));
    }
    end(&t);
}

static void what_meets_every_question_ends_the_run(void **state)
{
    static const char *const moves[] = { "401", "403", "404", "redirect", "402" };

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        talk t;
        begin(&t, moves[i], NULL);
        t.options.in_flight = 1;
        assert_int_equal(ask(&t, NULL, 8, NULL), THORAX_IO);
        assert_int_equal(stub_requests(t.stub), 1);
        assert_null(strstr(t.err.text, "SECRET"));
        assert_int_equal(t.replies[7].state, THX_CHAT_UNASKED);
        end(&t);
    }
}

static void a_dead_service_is_given_up(void **state)
{
    talk t;

    (void)state;
    begin(&t, "close", NULL);
    t.options.in_flight = 2;
    t.options.give_up = 3;
    assert_int_equal(ask(&t, NULL, MANY, NULL), THORAX_IO);
    assert_true(stub_requests(t.stub) <= 12);
    assert_int_equal(t.replies[0].state, THX_CHAT_FAILED);
    assert_int_equal(t.replies[MANY - 1].state, THX_CHAT_UNASKED);
    assert_true(thx_chat_get_account(t.chat).uncounted >= 9);
    end(&t);
}

static void all_tries_of_a_question_have_a_limit_of_time(void **state)
{
    talk   t;
    double begun;

    (void)state;
    begin(&t, "429:60", NULL);
    t.options.tries = 100;
    t.options.tries_s = 0.5;
    begun = now_s();
    assert_ok(ask(&t, NULL, 3, NULL), t.err);
    assert_true(now_s() - begun < 30); /* not the minute the service asks for */
    assert_int_equal(t.replies[2].state, THX_CHAT_FAILED);
    assert_int_equal(stub_requests(t.stub), 3);
    end(&t);
}

static bool until(void *data, const char *what, size_t done, size_t total)
{
    (void)what, (void)done, (void)total;
    return now_s() < *(double *)data;
}

static void a_stop_is_quick(void **state)
{
    double late = 1;

    (void)state;
    for (size_t attempt = 0; attempt < 5 && late > 0.1; attempt++) { /* other work may keep the processor */
        double         stop = now_s() + 0.15;
        thx_chat_watch watch = { .progress = { .step = until, .data = &stop } };
        talk           t;
        begin(&t, "silent", NULL);
        t.options.idle_s = t.options.total_s = 30;
        assert_int_equal(ask(&t, NULL, MANY, &watch), THORAX_CANCELLED);
        late = now_s() - stop;
        assert_int_equal(t.replies[0].state, THX_CHAT_UNASKED);
        end(&t);
    }
    assert_true(late < 10); /* far from the limits of 30 s, however busy the machine */
}

/* ---- Kept answers ---- */

static bool is_an_echo(void *data, size_t i, const char *text)
{
    (void)data, (void)i;
    return !strncmp(text, "echo", 4);
}

static void clean(const char *folder)
{
    DIR           *dir = opendir(folder);
    struct dirent *d;
    char           path[512];

    while ((d = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}

static void a_run_goes_on_where_it_ended(void **state)
{
    static const char *const texts[] = { "a MOVES:ok;", "b MOVES:bad,bad,ok;", "c MOVES:bad,ok;",
                                         "d MOVES:500,500,500,ok;" };
    const thx_chat_watch     watch = { .usable = is_an_echo };
    char                     folder[] = "/tmp/thx-kept-XXXXXX";
    talk                     t;

    (void)state;
    assert_non_null(mkdtemp(folder));
    begin(&t, "404", NULL);
    t.options.answers = folder;
    assert_ok(ask(&t, texts, 4, &watch), t.err);
    assert_int_equal(t.replies[0].state, THX_CHAT_ANSWERED);
    assert_int_equal(t.replies[1].state, THX_CHAT_UNUSABLE);
    assert_int_equal(t.replies[2].state, THX_CHAT_ANSWERED);
    assert_int_equal(t.replies[3].state, THX_CHAT_FAILED);
    assert_int_equal(stub_requests(t.stub), 8);
    thx_chat_replies_deinit(t.replies, MANY);
    assert_ok(ask(&t, texts, 4, &watch), t.err); /* the failures alone */
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(t.replies[i].state, THX_CHAT_ANSWERED);
        assert_int_equal(t.replies[i].kept, i == 0 || i == 2);
    }
    assert_int_equal(stub_requests(t.stub), 10);
    thx_chat_replies_deinit(t.replies, MANY);
    assert_ok(ask(&t, texts, 4, &watch), t.err); /* nothing */
    assert_int_equal(stub_requests(t.stub), 10);
    assert_string_equal(t.replies[3].text, "echo d MOVES:500,500,500,ok;");
    end(&t);
    clean(folder);
}

static void keys_tell_questions_apart(void **state)
{
    const thorax_message    m[] = { { "user", "a" }, { "user", "b" } }, both[] = { { "user", "ab" } };
    const thx_chat_question q[] = { { m, 2 }, { m, 1 }, { both, 1 } };
    thx_chat_options        o = thx_chat_options_default();
    char                    keys[7][65];
    thorax_error            err;
    thx_chat               *c;

    (void)state;
    o.model = "m";
    for (size_t i = 0; i < 7; i++) {
        o.url = i == 3 ? "http://localhost:2" : "http://me:secret@localhost:1";
        o.temperature = i == 4 ? 0.5 : 0;
        o.model = i == 5 ? "n" : "m";
        o.seed = i == 6 ? 1 : -1;
        assert_ok(thx_chat_open(&c, &o, &err), err);
        assert_ok(thx_chat_key(keys[i], c, &q[i < 3 ? i : 0], &err), err);
        thx_chat_close(c);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(keys[i], keys[k]);
    }
    o = thx_chat_options_default(); /* who asks does not matter */
    o.model = "m";
    o.url = "http://you:other@localhost:1/v1/";
    assert_ok(thx_chat_open(&c, &o, &err), err);
    assert_ok(thx_chat_key(keys[1], c, &q[0], &err), err);
    assert_string_equal(keys[0], keys[1]);
    thx_chat_close(c);
}

/* ---- Cost ---- */

static void cost_has_a_limit(void **state)
{
    talk             t;
    thx_chat_account a;

    (void)state;
    begin(&t, "ok", NULL);
    t.options.price_prompt = 10;   /* 100 tokens: 0.001   */
    t.options.price_completion = 100; /* 10 tokens: 0.001 */
    t.options.max_tokens = 20;     /* 0.002 at most       */
    t.options.max_cost = 0.02;
    t.options.in_flight = 8;
    assert_ok(ask(&t, NULL, MANY, NULL), t.err);
    a = thx_chat_get_account(t.chat);
    assert_true(a.stopped);
    assert_true(a.cost > 0.015 && a.cost <= 0.02);
    assert_true(a.requests >= 8 && a.requests <= 10);
    assert_int_equal(t.replies[0].state, THX_CHAT_ANSWERED);
    assert_int_equal(t.replies[MANY - 1].state, THX_CHAT_UNASKED);
    assert_non_null(strstr(t.replies[MANY - 1].why, "limit of cost"));
    end(&t);
}

static void what_is_not_counted_counts_at_most(void **state)
{
    talk             t;
    thx_chat_account a;

    (void)state;
    begin(&t, "nousage", NULL);
    t.options.price_completion = 100;
    t.options.max_tokens = 10; /* 0.001 */
    t.options.max_cost = 0.0035;
    assert_ok(ask(&t, NULL, 8, NULL), t.err);
    a = thx_chat_get_account(t.chat);
    assert_true(a.stopped && a.cost == 0 && a.uncounted == 3 && a.cost_most > 0.0029);
    end(&t);
}

/* ---- Who may be asked ---- */

static thorax_status open_with(thx_chat_options o, const char *url, thorax_error *err)
{
    thx_chat *c;

    o.url = url;
    o.model = "m";
    const thorax_status st = thx_chat_open(&c, &o, err);
    thx_chat_close(c);
    return st;
}

static void public_addresses_need_a_reason(void **state)
{
    thx_chat_options o = thx_chat_options_default();
    thorax_error     err;

    (void)state;
    assert_int_equal(open_with(o, "https://api.example.org/v1", &err), THORAX_USAGE);
    o.allow_cloud = true;
    assert_int_equal(open_with(o, "https://api.example.org/v1", &err), THORAX_USAGE);
    o.cloud_reason = "  ";
    assert_int_equal(open_with(o, "https://me:secret@api.example.org/v1?key=secret", &err), THORAX_USAGE);
    assert_null(strstr(err.text, "secret"));
    o.cloud_reason = "public phantoms only";
    assert_ok(open_with(o, "https://api.example.org/v1", &err), err);
    assert_int_equal(open_with(o, "http://api.example.org/v1", &err), THORAX_USAGE);
    o.allow_http = true;
    assert_ok(open_with(o, "http://api.example.org/v1", &err), err);
    o = thx_chat_options_default();
    assert_int_equal(open_with(o, "http://judge.internal", &err), THORAX_USAGE);
    assert_ok(open_with(o, "https://judge.internal", &err), err);
    assert_ok(open_with(o, "http://localhost", &err), err);
}

static void options_are_checked(void **state)
{
    thx_chat_options o = thx_chat_options_default();
    thorax_error     err;

    (void)state;
    o.in_flight = 0;
    assert_int_equal(open_with(o, "http://localhost", &err), THORAX_USAGE);
    o = thx_chat_options_default();
    o.max_cost = 1;
    assert_int_equal(open_with(o, "http://localhost", &err), THORAX_USAGE);
    o = thx_chat_options_default();
    o.temperature = 3;
    assert_int_equal(open_with(o, "http://localhost", &err), THORAX_USAGE);
    o = thx_chat_options_default();
    assert_int_equal(open_with(o, NULL, &err), THORAX_USAGE);
    assert_int_equal(open_with(o, "nonsense", &err), THORAX_USAGE);
}

static void the_key_is_sent_and_never_told(void **state)
{
    talk t;

    (void)state;
    setenv("THX_TEST_KEY", "sk-123", 1);
    begin(&t, "ok,401", NULL);
    t.options.key_env = "THX_TEST_KEY";
    assert_ok(ask(&t, NULL, 1, NULL), t.err);
    assert_non_null(strstr(stub_last(t.stub), "Authorization: Bearer sk-123\r\n"));
    assert_non_null(strstr(stub_last(t.stub), "POST /v1/chat/completions HTTP/1.1\r\n"));
    thx_chat_close(t.chat);
    t.chat = NULL;
    t.options.key_header = "api-key";
    thx_chat_replies_deinit(t.replies, MANY);
    assert_int_equal(ask(&t, NULL, 1, NULL), THORAX_IO);
    assert_non_null(strstr(stub_last(t.stub), "api-key: sk-123\r\n"));
    assert_null(strstr(t.err.text, "sk-123"));
    end(&t);
    setenv("THX_TEST_KEY", "sk-123\r\nX: 1", 1);
    assert_int_equal(open_with(t.options, "http://localhost", &t.err), THORAX_USAGE);
    assert_null(strstr(t.err.text, "sk-"));
    unsetenv("THX_TEST_KEY");
    assert_int_equal(open_with(t.options, "http://localhost", &t.err), THORAX_USAGE);
    assert_non_null(strstr(t.err.text, "THX_TEST_KEY"));
}

static void settings_are_sent(void **state)
{
    talk t;

    (void)state;
    begin(&t, "ok", NULL);
    t.options.top_p = 0.5;
    t.options.max_tokens = 128;
    t.options.seed = 7;
    assert_ok(ask(&t, NULL, 1, NULL), t.err);
    assert_non_null(strstr(stub_last(t.stub), "{\"max_tokens\":128,"
                                              "\"messages\":[{\"content\":\"QUESTION 0\",\"role\":\"user\"}],"
                                              "\"model\":\"m\",\"seed\":7,\"temperature\":0.0,\"top_p\":0.5}"));
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_the_order_of_questions),
        cmocka_unit_test(every_misbehaviour_has_its_state),
        cmocka_unit_test(what_meets_every_question_ends_the_run),
        cmocka_unit_test(a_dead_service_is_given_up),
        cmocka_unit_test(all_tries_of_a_question_have_a_limit_of_time),
        cmocka_unit_test(a_stop_is_quick),
        cmocka_unit_test(a_run_goes_on_where_it_ended),
        cmocka_unit_test(keys_tell_questions_apart),
        cmocka_unit_test(cost_has_a_limit),
        cmocka_unit_test(what_is_not_counted_counts_at_most),
        cmocka_unit_test(public_addresses_need_a_reason),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(the_key_is_sent_and_never_told),
        cmocka_unit_test(settings_are_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
