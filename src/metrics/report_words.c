/* Lists of texts; see report_words.h. */
#include "metrics/report_words.h"

#include <stdlib.h>
#include <string.h>

thorax_status thx_report_words_take(thx_report_words *out, thx_string *text, size_t n, thorax_error *err)
{
    *out = (thx_report_words){ .at = calloc(n + 1, sizeof *out->at), .text = thx_string_take(text) };
    if (!out->at || !out->text) {
        thx_string_deinit(text);
        thx_report_words_deinit(out);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the words of a report");
    }
    for (const char *at = out->text; out->n < n; at += strlen(at) + 1) out->at[out->n++] = at;
    return THORAX_OK;
}

void thx_report_words_deinit(thx_report_words *w)
{
    free(w->at);
    free(w->text);
    *w = (thx_report_words){ 0 };
}
