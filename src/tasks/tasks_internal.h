/* What the files of the tasks share. */
#ifndef THX_TASKS_TASKS_INTERNAL_H
#define THX_TASKS_TASKS_INTERNAL_H

#include "tasks/tasks.h"

/* A result without an answer yet: film, remark, provenance. THORAX_USAGE (sampling); THORAX_NOMEM. */
thorax_status thx_result_open(thx_result **out, const char *task, thx_session *s, const thx_film_facts *film, const thorax_options *o,
                              thorax_error *err);

/* Appends a task's question: `wording`, "{}" in it standing for the phrase, or, where that is NULL, the family's. */
thorax_status thx_task_question(thx_string *out, thx_session *s, thx_task task, const char *phrase, const char *wording,
                                thorax_error *err);

/* Gives each of the result's findings a score. THORAX_USAGE, THORAX_IO, THORAX_FORMAT (files of the options);
 * THORAX_MODEL: the vocabulary cannot tell yes from no. */
thorax_status thx_result_score(thx_result *r, thx_session *s, const thorax_options *o, thorax_error *err);

#endif
