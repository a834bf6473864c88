/* Results for machines and for eyes: one JSON line, and the film with its boxes. */
#ifndef THX_OUTPUT_OUTPUT_H
#define THX_OUTPUT_OUTPUT_H

#include "film/film.h"
#include "tasks/tasks.h"

/* What goes with every output. */
extern const char thx_notice[];

/* The result as one JSON object on one line, without a line end (schema: docs/results.md). The
 * caller frees it; NULL when memory runs out. */
char *thx_result_to_json(const thx_result *r);

/* The picture at its own resolution with the result's boxes, their labels, and the notice in the
 * bottom left corner, as PNG; written whole or not at all.
 * THORAX_IO; THORAX_NOMEM; THORAX_LIMIT for a side of more than 32767 pixels. */
thorax_status thx_result_write_overlay(const thx_result *r, const thx_picture *picture,
                                       const char *path, thorax_error *err);

#endif
