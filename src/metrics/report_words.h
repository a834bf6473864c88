/* A list of texts in memory of its own: the words of a report, its sentences. */
#ifndef THX_METRICS_REPORT_WORDS_H
#define THX_METRICS_REPORT_WORDS_H

#include "base/string.h"

typedef struct thx_report_words { const char **at; size_t n; char *text; } thx_report_words;

/* Makes the list of n texts that lie one behind the other in `text`, each ended by a 0, and takes over what it holds. THORAX_NOMEM (also
 * where an append to `text` failed): *out is empty, else the caller deinits it. */
thorax_status thx_report_words_take(thx_report_words *out, thx_string *text, size_t n, thorax_error *err);
void          thx_report_words_deinit(thx_report_words *w);

#endif
