/* What every unit test includes: cmocka, and the way to the shared test data.
 *
 * Data beside the checkout (films, golden cases) is optional: a test that needs
 * it calls shared_path() and skips, with the reason, where it is absent. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* "<shared>/<name>", in one of four static buffers; skips the test where the file is not there. */
static inline const char *shared_path(const char *name)
{
    static char paths[4][1024];
    static unsigned next;
    char       *p = paths[next++ % 4];
    const char *root = getenv("THORAX_SHARED");

    snprintf(p, sizeof paths[0], "%s/%s", root ? root : "../shared", name);
    if (access(p, R_OK)) {
        print_message("skipped: %s is not beside the checkout\n", name);
        skip();
    }
    return p;
}

/* "<checkout>/<name>". */
static inline const char *source_path(const char *name)
{
    static char paths[4][1024];
    static unsigned next;
    char       *p = paths[next++ % 4];
    const char *root = getenv("THORAX_SOURCE");

    snprintf(p, sizeof paths[0], "%s/%s", root ? root : ".", name);
    return p;
}

#define assert_ok(call, err) do { \
        if ((call) != THORAX_OK) fail_msg("%s: %s", #call, (err).text); } while (0)

/* Doubles as doubles: cmocka's assert_float_equal makes floats of them. */
#define assert_near(got, want, tolerance) do { \
        const double got_ = (got), want_ = (want); \
        if (!(fabs(got_ - want_) <= (tolerance))) fail_msg("%s: %.17g, wanted %.17g", #got, got_, want_); } while (0)

#endif
