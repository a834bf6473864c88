/* RadGraph: a report as a graph of findings and anatomy, and how much two graphs share.
 *
 * Pure functions: no network here (that is radgraph_model.h). They allocate, keep nothing, and may be
 * called from any thread. Methods: radgraph (utils.py, rewards.py of 0.1.14 and of 2026), LLaVA-Rad
 * (f1radgraph.py), CXR-Report-Metric (radgraph_evaluate_model.py). */
#ifndef THX_METRICS_RADGRAPH_H
#define THX_METRICS_RADGRAPH_H

#include "base/json.h"
#include "base/memory.h"
#include "metrics/labels.h"
#include "metrics/report_words.h"

/* ---- Words ---- */

/* How a report is cut: that of the first model, or of radgraph-xl and those behind it. */
typedef enum thx_radgraph_style { THX_RADGRAPH_V1, THX_RADGRAPH_XL } thx_radgraph_style;

/* The words of a report, none for white space alone; what is not UTF-8 becomes U+FFFD first. THORAX_NOMEM:
 * *out is empty, else the caller deinits it. */
thorax_status thx_radgraph_words(thx_report_words *out, const char *report, thx_radgraph_style style,
                                 thorax_error *err);

/* ---- Graphs ---- */

/* Words first .. last, both counted, and what they are called. */
typedef struct thx_span { size_t first, last; } thx_span;
typedef struct thx_span_label { thx_span span; const char *label; } thx_span_label;
typedef struct thx_span_pair { thx_span from, to; const char *label; } thx_span_pair;

typedef struct thx_radgraph_edge { const char *label; size_t to; } thx_radgraph_edge; /* to: place of an entity */
typedef struct thx_radgraph_entity {
    const char        *tokens, *label; /* its words, joined by one blank */
    thx_span           span;
    thx_radgraph_edge *edges;
    size_t             n_edges;
} thx_radgraph_entity;

typedef struct thx_radgraph {
    thx_radgraph_entity *entities;
    size_t               n;
    const char          *text;  /* all words, joined by one blank; "" where not known */
    thx_arena           *arena; /* that all of it lies in */
} thx_radgraph;

/* The graph of labelled spans and relations: an entity a span, in order; a relation counts where both its spans
 * are entities (of several with one span the first is meant as a target). Labels are copied. THORAX_FORMAT: a span
 * beyond the words; THORAX_NOMEM; then *out is empty, else the caller deinits it. */
thorax_status thx_radgraph_build(thx_radgraph *out, const thx_report_words *words, const thx_span_label *entities,
                                 size_t n_entities, const thx_span_pair *relations, size_t n_relations,
                                 thorax_error *err);

/* From and to the package's JSON: {"text", "entities": {"1": {"tokens", "label", "start_ix", "end_ix", "relations":
 * [[label, "2"], …]}, …}}. Reading: THORAX_FORMAT (a member missing or of another kind, a target that is not there;
 * `where` stands before the text), THORAX_NOMEM; then *out is empty. Writing: NULL when memory runs out. */
thorax_status thx_radgraph_read(thx_radgraph *out, const json_t *graph, const char *where, thorax_error *err);
json_t       *thx_radgraph_json(const thx_radgraph *g);
void          thx_radgraph_deinit(thx_radgraph *g);

/* ---- Rewards ---- */

/* simple: texts with labels; partial: and whether there are relations; complete: and each relation with its target. */
typedef enum thx_radgraph_level {
    THX_RADGRAPH_SIMPLE,
    THX_RADGRAPH_PARTIAL,
    THX_RADGRAPH_COMPLETE,
    THX_RADGRAPH_LEVELS
} thx_radgraph_level;

/* Case: AS_WRITTEN is the rule of radgraph up to 0.1.18, of RadVLM and LLaVA-Rad (only the tuples of relations at
 * level complete are compared in small letters); SMALL that of 2026. */
typedef enum thx_radgraph_case { THX_RADGRAPH_AS_WRITTEN, THX_RADGRAPH_SMALL } thx_radgraph_case;

/* What a hypothesis shares with its reference, at every level; 0 where one of them has no entity. THORAX_NOMEM. */
thorax_status thx_radgraph_reward(thx_f1 out[THX_RADGRAPH_LEVELS], const thx_radgraph *hypothesis,
                                  const thx_radgraph *reference, thx_radgraph_case rule, thorax_error *err);

/* RadGraph F1 of CXR-Report-Metric: F1 of the entities, of the relations, and their mean. THORAX_NOMEM. */
typedef struct thx_radgraph_f1 { double entities, relations, mean; } thx_radgraph_f1;
thorax_status thx_radgraph_combined(thx_radgraph_f1 *out, const thx_radgraph *hypothesis, const thx_radgraph *reference,
                                    thorax_error *err);

#endif
