/* Errors are values: thx_fail() fills one and returns its status.
 *
 * Report once, where most is known; above, pass the status on. `err` may be
 * NULL. The text names the file, what was wanted and what was found; it never
 * holds patient data (no tag values, no prompts). */
#ifndef THX_BASE_ERROR_H
#define THX_BASE_ERROR_H

#include "thorax.h"

thorax_status thx_fail(thorax_error *err, thorax_status status, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));

/* Puts "prefix: " before the text of an error that is already set. */
void thx_error_prefix(thorax_error *err, const char *prefix);

/* The one-line meaning of a status, from THORAX_STATUS_LIST. */
const char *thx_status_text(thorax_status status);

#endif
