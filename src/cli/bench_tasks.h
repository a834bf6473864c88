/* Answers in a precision beside answers in f32; see bench_tasks.c. */
#ifndef THX_CLI_BENCH_TASKS_H
#define THX_CLI_BENCH_TASKS_H

#include "cli/bench.h"

enum { BENCH_REPORT, BENCH_FINDINGS, BENCH_BOXES, BENCH_TASKS };

/* Adds a value of each kind that --task asks for: 1 where the report has the same words, the share of the 14 findings that are
 * read alike, the mean overlap (IoU) of the boxes of both lungs and the heart. */
thorax_status bench_task_drift(bench *b, thx_engine *exact, const thx_picture *picture, bench_series out[BENCH_TASKS]);

#endif
