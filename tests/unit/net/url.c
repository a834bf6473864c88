/* Addresses of services: where they lead and what is shown of them. */
#include "check.h"

#include "net/http.h"

static void hosts_are_near_or_far(void **state)
{
    static const struct { const char *url; thx_reach reach; } cases[] = {
        { "http://localhost:8000", THX_REACH_LOOPBACK },
        { "http://LOCALHOST./v1", THX_REACH_LOOPBACK },
        { "http://judge.localhost", THX_REACH_LOOPBACK },
        { "http://127.0.0.1", THX_REACH_LOOPBACK },
        { "http://127.9.9.9:80/x", THX_REACH_LOOPBACK },
        { "http://0x7f.1/", THX_REACH_LOOPBACK },
        { "http://2130706433/", THX_REACH_LOOPBACK },
        { "http://[::1]:8000", THX_REACH_LOOPBACK },
        { "http://[::ffff:127.0.0.1]", THX_REACH_LOOPBACK },
        { "https://10.1.2.3", THX_REACH_PRIVATE },
        { "https://172.16.0.1", THX_REACH_PRIVATE },
        { "https://172.32.0.1", THX_REACH_PUBLIC },
        { "https://192.168.1.1", THX_REACH_PRIVATE },
        { "https://169.254.1.1", THX_REACH_PRIVATE },
        { "https://100.64.0.1", THX_REACH_PRIVATE },
        { "https://100.128.0.1", THX_REACH_PUBLIC },
        { "https://[fd00::1]", THX_REACH_PRIVATE },
        { "https://[fe80::1]", THX_REACH_PRIVATE },
        { "https://[2001:db8::1]", THX_REACH_PUBLIC },
        { "https://[::ffff:8.8.8.8]", THX_REACH_PUBLIC },
        { "https://judge", THX_REACH_PRIVATE },
        { "https://judge.hospital.internal", THX_REACH_PRIVATE },
        { "https://judge.local", THX_REACH_PRIVATE },
        { "https://local.example.org", THX_REACH_PUBLIC },
        { "https://notlocalhost.org", THX_REACH_PUBLIC },
        { "https://localhost.example.org", THX_REACH_PUBLIC },
        { "https://127.0.0.1.example.org", THX_REACH_PUBLIC },
        { "https://127.0.0.1:pw@example.org/", THX_REACH_PUBLIC },
        { "https://8.8.8.8", THX_REACH_PUBLIC },
    };
    thorax_error err;
    thx_url      u;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (thx_url_read(&u, cases[i].url, &err)) fail_msg("%s: %s", cases[i].url, err.text);
        if (u.reach != cases[i].reach) fail_msg("%s: reach %d, expected %d", cases[i].url, u.reach, cases[i].reach);
    }
}

static void what_is_shown_holds_no_secret(void **state)
{
    static const char *const cases[][2] = {
        { "https://me:secret@example.org:8443/v1/x?key=secret&api-version=2024-06-01#secret",
          "https://example.org:8443/v1/x?key=*&api-version=2024-06-01" },
        { "http://localhost:8000", "http://localhost:8000/" },
        { "https://[fd00::1]:1/v1?secret", "https://[fd00::1]:1/v1?secret" },
    };
    thorax_error err;
    thx_url      u;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_ok(thx_url_read(&u, cases[i][0], &err), err);
        assert_string_equal(u.shown, cases[i][1]);
    }
}

static void what_is_no_address_is_refused_without_showing_it(void **state)
{
    static const char *const wrong[] = { "", "secret", "ftp://secret.org", "file:///secret", "http://",
                                         "http://se cret", "gopher://secret", "http://secret:port", "http://[secret",
                                         "//secret", "https://secret@127.0.0.1@example.org" };
    thorax_error err;
    thx_url      u;
    char         longer[THX_URL_TEXT + 64] = "https://example.org/secret";

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (thx_url_read(&u, wrong[i], &err) != THORAX_USAGE) fail_msg("%s is taken", wrong[i]);
        assert_null(strstr(err.text, "secret"));
    }
    memset(longer + strlen(longer), 'x', sizeof longer - 1 - strlen(longer));
    assert_int_equal(thx_url_read(&u, longer, &err), THORAX_USAGE);
    assert_null(strstr(err.text, "secret"));
}

static double after(const char *text) { return thx_http_retry_after(text, strlen(text), 1700000000); }

static void waits_are_seconds_or_dates(void **state)
{
    (void)state;
    assert_true(after("120") == 120);
    assert_true(after(" 0\r\n") == 0);
    assert_true(after("99999999999999999999") == 1e9);
    assert_true(after("Tue, 14 Nov 2023 22:13:30 GMT") == 10); /* 1700000010 */
    assert_true(after("Tue, 14 Nov 2023 22:13:10 GMT\r\n") == 0);
    assert_true(after("") < 0);
    assert_true(after("soon") < 0);
    assert_true(after("-5") < 0);
    assert_true(after("1.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_near_or_far),
        cmocka_unit_test(what_is_shown_holds_no_secret),
        cmocka_unit_test(what_is_no_address_is_refused_without_showing_it),
        cmocka_unit_test(waits_are_seconds_or_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
