/* Tasks: a question of the family's, an answer, and what the answer says.
 *
 * A task asks the family for its question (or takes the caller's wording), lets a session answer
 * it, and reads the text: findings and boxes by the text room, boxes in the film's own frame. The
 * result keeps all that a replay needs. */
#ifndef THX_TASKS_TASKS_H
#define THX_TASKS_TASKS_H

#include "engine/engine.h"

/* Where the film came from, for the result; `name` NULL = no film. Copied. */
typedef struct thx_film_facts {
    const char *name;
    const char *sha256;        /* of the decoded samples */
    uint32_t    width, height;
    thx_profile profile;
} thx_film_facts;

/* What a replay needs besides film and conversation. */
typedef struct thx_provenance {
    char          model[65];         /* identity                                           */
    const char   *family;
    unsigned      types;             /* bit t is set where the folder holds thx_type t      */
    thx_type      rounded;           /* THX_Q8, THX_Q4: what was rounded at opening; else as stored */
    const char   *adapter;           /* "merged", "apart", "off"; NULL: the folder has none  */
    thx_precision precision;
    const char   *kernels;           /* "avx512-bf16"                                      */
    thx_compat    compat;
    char          prompt_sha256[65]; /* of the prompt's ids; several prompts: of their hashes */
    thx_sampling  sampling;
    uint32_t      max_new_tokens;
    bool          ignore_eos, substring_rule;
    thx_drift     drift;             /* of what has 8 bits; 0 rows where nothing has */
    bool          scored, calibrated;
    char          questions_sha256[65], calibration_sha256[65]; /* of the files of scores; "" = none */
} thx_provenance;

typedef struct thx_result {
    const char         *task;         /* "ask", "report", "classify", "ground"          */
    char               *text;         /* stripped                                       */
    thx_ids             ids;          /* of the answer; several answers one after the other */
    bool                complete;
    thorax_usage        usage;
    bool                has_film;
    char               *film_name;
    char                film_sha256[65];
    uint32_t            width, height;
    thx_profile         profile;
    thorax_finding      findings[THX_FINDINGS];
    size_t              n_findings;   /* 0 or THX_FINDINGS                              */
    thorax_labelled_box *boxes;       /* labels lie in `labels`                         */
    size_t              n_boxes;
    char              **labels;
    size_t              n_labels;
    char               *remark;       /* the model's own; NULL = none                   */
    thx_provenance      provenance;
} thx_result;

/* Does n jobs about the session's film, out [n]: all their questions are answered side by side, after what they begin with
 * was computed once. `options` as thorax.h documents them; NULL = defaults.
 * THORAX_USAGE: no job, no message, a role or text that is not allowed, options out of range, a task that needs a
 * film without one; THORAX_MODEL where the family was not trained for a task; else as thx_session_generate_all.
 * After a failure every out is NULL. */
thorax_status thx_tasks_run(thx_result **out, thx_session *session, const thx_film_facts *film, const thorax_job *jobs, size_t n,
                            const thorax_options *options, thorax_error *err);

void thx_result_close(thx_result *result);

/* The question AUTO chooses for a phrase: a sentence has four words and more, or a final full stop.
 * */
thx_task thx_ground_task(const char *phrase, thorax_ground_kind kind);

/* ---- Reading answers, without a model ---- */

/* A copy without white space around it; NULL when memory runs out. */
char *thx_text_strip(const char *text, size_t size);

/* Fills the result's findings from its text. */
void thx_result_read_findings(thx_result *r, const char *text, bool substring_rule);

/* Appends the boxes of a text, all with this label (NULL: "box 1", "box 2" …). THORAX_NOMEM. */
thorax_status thx_result_read_boxes(thx_result *r, const char *text, const char *label,
                                    thorax_error *err);

#endif
