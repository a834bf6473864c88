/* Tables of results: those of the papers, ours beside the published rows, and all figures. */
#ifndef THX_EVAL_TABLE_H
#define THX_EVAL_TABLE_H

#include "base/json.h"
#include "base/string.h"

typedef enum thx_table_format {
    THX_TABLE_TEXT, THX_TABLE_MARKDOWN, THX_TABLE_LATEX, THX_TABLE_CSV, THX_TABLE_JSON
} thx_table_format;

/* Prints the papers' tables that a result has a figure for, then all figures of all results. `results` [n] are those of
 * thorax eval (result.h), already checked; CSV and JSON have one line or object a cell. A failed append shows in
 * out->failed. */
void thx_eval_tables(thx_string *out, const json_t *const *results, size_t n, thx_table_format format);

/* Reads the result of an evaluation. THORAX_IO, THORAX_LIMIT, THORAX_NOMEM; THORAX_FORMAT: not one. */
thorax_status thx_eval_result_read(json_t **out, const char *path, thorax_error *err);

#endif
