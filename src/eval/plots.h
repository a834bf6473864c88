/* Curves of scores: ROC, precision and recall, calibration; one drawing a task and kind, as SVG and PNG. */
#ifndef THX_EVAL_PLOTS_H
#define THX_EVAL_PLOTS_H

#include "base/json.h"

/* Draws the curves of a result (result.h) into a folder, which is made: roc-TASK.svg and .png, and the same of pr and
 * calibration. The names of the files begin with `prefix` where it is not empty. *written counts the files. Labels
 * whose truth has one class alone are left out. THORAX_IO; THORAX_FORMAT: curves that are none; THORAX_NOMEM. */
thorax_status thx_eval_plots(const json_t *result, const char *folder, const char *prefix, size_t *written,
                             thorax_error *err);

#endif
