/* A strict JSON reader that walks and builds nothing.
 *
 * A published tokenizer.json has 300,000 values that go straight into tables; as a tree they
 * take 66 MB and most of the time of opening. Small values are handed on to jansson. */
#ifndef THX_TEXT_SCAN_H
#define THX_TEXT_SCAN_H

#include "base/string.h"

typedef struct thx_scan { const char *path, *data; size_t size, at; } thx_scan;

/* Fails with THORAX_FORMAT at the present byte. */
thorax_status thx_scan_fail(const thx_scan *s, const char *expected, thorax_error *err);

/* Steps over blanks; the next byte, 0 at the end. */
char thx_scan_peek(thx_scan *s);

/* Takes this byte after blanks, or fails. */
thorax_status thx_scan_take(thx_scan *s, char c, thorax_error *err);

/* Before each member of an object or array that was entered: *more = false at its end, which is
 * taken; otherwise the comma is. `first` starts as true. */
thorax_status thx_scan_more(thx_scan *s, char close, bool *first, bool *more, thorax_error *err);

/* A string, decoded; replaces what out held. A whole number of 0 .. 2^31-1. */
thorax_status thx_scan_string(thx_scan *s, thx_string *out, thorax_error *err);
thorax_status thx_scan_int(thx_scan *s, int32_t *out, thorax_error *err);

/* Steps over any value. */
thorax_status thx_scan_skip(thx_scan *s, thorax_error *err);

/* Nothing but blanks may follow. */
thorax_status thx_scan_end(thx_scan *s, thorax_error *err);

#endif
