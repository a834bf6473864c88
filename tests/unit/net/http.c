/* The HTTP client against a service that misbehaves. */
#include "check.h"

#include "net/http.h"
#include "stub/stub.h"

#include <time.h>

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const thx_http_options quick = { .connect_s = 2, .idle_s = 0.5, .total_s = 1, .max_bytes = 4096,
                                        .local_only = true };

/* One POST to `url`; the caller deinits the reply. */
static thx_http_reply post(const char *url, const thx_http_options *options, const thx_progress *progress)
{
    const thx_http_request r = { .url = url, .body = "{\"a\":1}", .size = 7 };
    thx_http_reply         reply;
    thorax_error           err;
    thx_http              *h;

    assert_ok(thx_http_open(&h, options, &err), err);
    assert_ok(thx_http_post(&reply, h, &r, progress, &err), err);
    thx_http_close(h);
    return reply;
}

static void every_end_has_its_kind(void **state)
{
    static const struct { const char *move; thx_http_end end; long status; } cases[] = {
        { "ok", THX_HTTP_OK, 200 },          { "html", THX_HTTP_OK, 200 },         { "500", THX_HTTP_STATUS, 500 },
        { "404", THX_HTTP_STATUS, 404 },     { "redirect", THX_HTTP_STATUS, 307 }, { "huge", THX_HTTP_TOO_LARGE, 200 },
        { "announced", THX_HTTP_TOO_LARGE, 200 }, { "truncated", THX_HTTP_BODY, 200 }, { "garbage", THX_HTTP_BODY, 0 },
        { "close", THX_HTTP_LOST, 0 },       { "silent", THX_HTTP_TIMEOUT, 0 },    { "drip", THX_HTTP_TIMEOUT, 0 },
        { "ok@100", THX_HTTP_OK, 200 },      { "ok@5000", THX_HTTP_TIMEOUT, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stub          *s = stub_start(cases[i].move, NULL);
        thx_http_reply r = post(stub_url(s), &quick, NULL);
        if (r.end != cases[i].end || (cases[i].status && r.status != cases[i].status))
            fail_msg("%s: %s, status %ld", cases[i].move, thx_http_end_text(r.end), r.status);
        assert_true(r.reached);
        if (r.end == THX_HTTP_OK) assert_true(r.body.size > 0);
        if (r.end != THX_HTTP_OK && r.end != THX_HTTP_STATUS) assert_int_equal(r.body.size, 0);
        thx_http_reply_deinit(&r);
        stub_stop(s);
    }
}

static void where_nobody_answers_is_told_apart(void **state)
{
    stub           *s = stub_start("ok", NULL);
    char            url[64], tls[64];
    thx_http_reply  r;

    (void)state;
    snprintf(tls, sizeof tls, "https://127.0.0.1:%d/", stub_port(s));
    snprintf(url, sizeof url, "%s", stub_url(s));
    r = post(tls, &quick, NULL);
    assert_int_not_equal(r.end, THX_HTTP_OK);
    thx_http_reply_deinit(&r);
    stub_stop(s);
    r = post(url, &quick, NULL);
    assert_int_equal(r.end, THX_HTTP_REFUSED);
    assert_false(r.reached);
    r = post("http://nowhere.invalid/", &quick, NULL);
    assert_true(r.end == THX_HTTP_DNS || r.end == THX_HTTP_TIMEOUT);
    r = post("http://192.0.2.1/", &quick, NULL);
    assert_int_equal(r.end, THX_HTTP_PUBLIC);
}

static bool until(void *data, const char *what, size_t done, size_t total)
{
    (void)what, (void)done, (void)total;
    return now_s() < *(double *)data;
}

static void a_stop_is_quick(void **state)
{
    const thx_http_options patient = { .connect_s = 9, .idle_s = 9, .total_s = 9, .max_bytes = 4096 };
    stub                  *s = stub_start("silent", NULL);
    double                 late = 1;

    (void)state;
    for (size_t attempt = 0; attempt < 5 && late > 0.1; attempt++) { /* other work may keep the processor */
        double             stop = now_s() + 0.12;
        const thx_progress progress = { .step = until, .data = &stop };
        thx_http_reply     r = post(stub_url(s), &patient, &progress);
        late = now_s() - stop;
        assert_int_equal(r.end, THX_HTTP_CANCELLED);
    }
    assert_true(late < 6); /* before the limits of 9 s, however busy the machine */
    stub_stop(s);
}

static void what_is_asked_to_wait_is_told(void **state)
{
    static const struct { const char *move; double least, most; } cases[] = {
        { "429:7", 7, 7 }, { "503:date", 0, 1 }, { "429", -1, -1 }, { "429:later", -1, -1 },
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        stub          *s = stub_start(cases[i].move, NULL);
        thx_http_reply r = post(stub_url(s), &quick, NULL);
        assert_int_equal(r.end, THX_HTTP_STATUS);
        if (!(r.retry_after_s >= cases[i].least && r.retry_after_s <= cases[i].most))
            fail_msg("%s: %g s", cases[i].move, r.retry_after_s);
        thx_http_reply_deinit(&r);
        stub_stop(s);
    }
}

static void headers_go_out_and_bad_ones_do_not(void **state)
{
    const char *const good[] = { "Authorization: Bearer k" }, *const bad[] = { "X: 1\r\nY: 2" };
    thx_http_request  r = { .headers = good, .n_headers = 1, .body = "{}", .size = 2 };
    stub             *s = stub_start("ok", NULL);
    thx_http_reply    reply;
    thorax_error      err;
    thx_http         *h;

    (void)state;
    r.url = stub_url(s);
    assert_ok(thx_http_open(&h, NULL, &err), err);
    assert_ok(thx_http_post(&reply, h, &r, NULL, &err), err);
    assert_int_equal(reply.end, THX_HTTP_OK);
    assert_non_null(strstr(stub_last(s), "Authorization: Bearer k\r\n"));
    assert_non_null(strstr(stub_last(s), "Content-Type: application/json\r\n"));
    thx_http_reply_deinit(&reply);
    r.headers = bad;
    assert_int_equal(thx_http_start(h, &r, 0, &err), THORAX_USAGE);
    assert_null(strstr(err.text, "Y"));
    assert_int_equal(thx_http_in_flight(h), 0);
    thx_http_close(h);
    stub_stop(s);
    assert_int_equal(thx_http_open(&h, &(thx_http_options){ .ca_file = "/nowhere/ca.pem" }, &err), THORAX_IO);
}

static void near_services_are_asked_without_a_proxy(void **state)
{
    stub          *s = stub_start("ok", NULL);
    thx_http_reply r;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    r = post(stub_url(s), &quick, NULL);
    unsetenv("http_proxy");
    assert_int_equal(r.end, THX_HTTP_OK);
    thx_http_reply_deinit(&r);
    stub_stop(s);
}

static void several_run_side_by_side(void **state)
{
    stub            *s = stub_start("ok@150", NULL);
    thx_http_request r = { .url = stub_url(s), .body = "{}", .size = 2 };
    bool             seen[8] = { false };
    thx_http_reply   reply;
    thorax_error     err;
    thx_http        *h;
    size_t           tag;

    (void)state;
    assert_ok(thx_http_open(&h, NULL, &err), err);
    for (size_t i = 0; i < 8; i++) assert_ok(thx_http_start(h, &r, i, &err), err);
    while (thx_http_in_flight(h)) {
        if (!thx_http_wait(h, 1, &tag, &reply)) continue;
        assert_int_equal(reply.end, THX_HTTP_OK);
        assert_false(seen[tag]);
        seen[tag] = true;
        thx_http_reply_deinit(&reply);
    }
    assert_true(stub_most(s) > 1);
    thx_http_close(h);
    stub_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_has_its_kind),
        cmocka_unit_test(where_nobody_answers_is_told_apart),
        cmocka_unit_test(a_stop_is_quick),
        cmocka_unit_test(what_is_asked_to_wait_is_told),
        cmocka_unit_test(headers_go_out_and_bad_ones_do_not),
        cmocka_unit_test(near_services_are_asked_without_a_proxy),
        cmocka_unit_test(several_run_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
