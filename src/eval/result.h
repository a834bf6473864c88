/* Results of an evaluation: as JSON, complete, and as a table for people. */
#ifndef THX_EVAL_RESULT_H
#define THX_EVAL_RESULT_H

#include "base/json.h"
#include "eval/scores.h"

/* What was scored, beside the figures. */
typedef struct thx_eval_source {
    const char *const *files;     /* [n] paths, for their names and hashes */
    size_t             n_files;
    const char        *name;      /* of the system, for tables; NULL: the first file's name      */
    const json_t      *settings;  /* of `thorax eval run` (model identity, decoding …); NULL     */
} thx_eval_source;

/* The whole result, schema 1 (docs/evaluation.md); NULL when memory runs out. The caller decrefs it. */
json_t *thx_eval_result_json(const thx_eval_scores *s, const thx_eval_options *o, const thx_eval_source *source);

/* A readable table of all figures, and below it what was left out. THORAX_NOMEM shows in out->failed. */
void thx_eval_result_print(thx_string *out, const thx_eval_scores *s, const thx_eval_options *o);

/* What was wrong with the files, one line a kind, and the lines that were named. */
void thx_eval_problems_print(thx_string *out, const thx_eval_problems *p);

#endif
