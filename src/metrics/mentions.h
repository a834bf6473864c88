/* Label mentions: RadVLM's figures for the classification of abnormalities (evaluate_classification).
 *
 * A label counts as predicted where its name occurs in the lower-cased answer, whatever stands around it: "no
 * pneumothorax" is a positive. The figures are those of thx_labels_report_of over the masks: micro, macro over all
 * labels (NaN without any answer), F1 per label. */
#ifndef THX_METRICS_MENTIONS_H
#define THX_METRICS_MENTIONS_H

#include "metrics/labels.h"

enum { THX_MENTIONS = 13 };

/* RadVLM's labels: those of thx_finding_names in the same order without the last, No Finding. */
extern const char *const *const thx_mention_names;

/* Bit c: the text holds labels[c]. Case of ASCII letters does not count. n at most 64. */
uint64_t thx_mentions_predicted(const char *text, const char *const *labels, size_t n);

/* The same negation-aware: bit c where thx_findings_parse says that finding c < 13 is present. */
uint64_t thx_mentions_understood(const char *text);

/* Bit c: one of the reference's labels is labels[c]. *unknown is raised by the number of those that are none
 * (NULL: not counted), which the original passes over in silence. */
uint64_t thx_mentions_reference(const char *const *reference, size_t n_reference, const char *const *labels, size_t n,
                                size_t *unknown);

#endif
