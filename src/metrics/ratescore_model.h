/* RaTEScore end to end: sentences, entities by a classifier of tokens (DeBERTa-v2), a vector an entity (MPNet's first
 * row), scores.
 *
 * An object serves one caller at a time; the work is spread over the threads of its context.
 * Method: RaTEScore 0.6.0. */
#ifndef THX_METRICS_RATESCORE_MODEL_H
#define THX_METRICS_RATESCORE_MODEL_H

#include "metrics/ratescore.h"
#include "metrics/report_words.h"
#include "model/text_encoder.h"

/* The sentences of a report, as the published code has them: stripped, those of less than 3 characters left out. It
 * takes medspaCy's splitter (PyRuSH, of some 950 patterns for clinical notes); here stand rules of our own for what
 * radiology reports have, which agree with it on such texts. An approximation: label results by THX_RATE_SENTENCES.
 * THORAX_NOMEM. */
#define THX_RATE_SENTENCES "own rules after PyRuSH"
thorax_status thx_rate_sentences(thx_report_words *out, const char *report, thorax_error *err);

typedef struct thx_rate_model thx_rate_model;

/* The folders of the classifier (RaTE-NER-Deberta) and of the encoder of entities (BioLORD-2023-C). The context must
 * outlive the model. THORAX_MODEL: whatever is wrong with a folder, a label that is none of RaTEScore's;
 * THORAX_NOMEM. */
thorax_status thx_rate_model_open(thx_rate_model **out, thx_ctx *ctx, const char *ner, const char *embed,
                                  thorax_error *err);
void          thx_rate_model_close(thx_rate_model *m);

const char *thx_rate_model_identity(const thx_rate_model *m); /* SHA-256 in hex digits, of both networks */
size_t      thx_rate_model_labels(const thx_rate_model *m);
const char *thx_rate_model_label(const thx_rate_model *m, size_t i);
thx_text_encoder *thx_rate_model_embed(thx_rate_model *m);

/* Logits of n sentences: appends their ids, at most 512 each, to `ids`; ends [n] says where each ends there; *logits
 * [ids, labels] is the caller's to free. THORAX_NOMEM, THORAX_CANCELLED; then *logits is NULL. */
thorax_status thx_rate_model_logits(thx_rate_model *m, const char *const *sentences, size_t n, thx_ids *ids,
                                    size_t *ends, float **logits, thorax_error *err);

/* Entities of one report. */
typedef struct thx_rate_found {
    char         **texts;   /* [n], as the tokenizer joins their pieces           */
    thx_rate_type *types;   /* [n]                                                */
    float         *vectors; /* [n, D], D = the width of the encoder of entities   */
    size_t         n;
} thx_rate_found;

/* Of n reports: found [n]. THORAX_NOMEM, THORAX_CANCELLED; then all are empty, else the caller deinits each. */
thorax_status thx_rate_model_find(thx_rate_model *m, const char *const *reports, size_t n, thx_rate_found *found,
                                  thorax_error *err);
void          thx_rate_found_deinit(thx_rate_found *f);

/* Ids of an entity's text as its encoder gets them: at most 30. Appends. THORAX_NOMEM. */
thorax_status thx_rate_model_entity_ids(const thx_rate_model *m, const char *text, thx_ids *ids, thorax_error *err);

/* Scores [n] of the pairs hypotheses[i], references[i]; 0.5 where a report has no entity. (The published code loses
 * step behind a report without a sentence; this does not.) Statuses as above. */
thorax_status thx_rate_model_scores(thx_rate_model *m, const char *const *hypotheses, const char *const *references,
                                    size_t n, thx_rate_weights weights, thx_rate_score *scores, thorax_error *err);

#endif
