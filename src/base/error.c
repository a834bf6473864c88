/* Errors as values; see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

thorax_status thx_fail(thorax_error *err, thorax_status status, uint64_t at, const char *format, ...)
{
    if (err) {
        va_list args;

        err->status = status;
        err->at = at;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        for (char *c = err->text; *c; c++) /* one line, whatever a file name holds */
            if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    }
    return status;
}

void thx_error_prefix(thorax_error *err, const char *prefix)
{
    if (!err) return;
    char text[sizeof err->text];
    snprintf(text, sizeof text, "%s", err->text);
    snprintf(err->text, sizeof err->text, "%.150s: %.240s", prefix, text);
}

const char *thx_status_text(thorax_status status)
{
    static const char *const texts[] = {
#define STATUS_TEXT(name, text) text,
        THORAX_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    };
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}
