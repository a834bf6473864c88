/* Cases of box fusion, which vectors and golden sets share: reads one, fuses, compares. */
#ifndef TESTS_FUSION_CASES_H
#define TESTS_FUSION_CASES_H

#include "base/json.h"

#include <stdbool.h>

enum { FUSION_REASON = 512 };

/* input: boxes_list, scores_list, labels_list, weights, iou_thr, skip_box_thr, conf_type, allows_overflow; expected:
 * boxes, scores, labels, within 1e-9. False, and why, where it does not hold. */
bool fusion_generic(const json_t *input, const json_t *expected, char reason[FUSION_REASON]);

/* input: boxes_pixels_xyxy, resolution_rows_cols, iou_thr; boxes: what must come out, exactly. */
bool fusion_radvlm(const json_t *input, const json_t *boxes, bool stable, char reason[FUSION_REASON]);

#endif
