/* RadGraph F1: reports through the published network, pairs of them rewarded.
 *
 * An object serves one caller at a time; the work is spread over the threads of its context. */
#ifndef THX_METRICS_RADGRAPH_MODEL_H
#define THX_METRICS_RADGRAPH_MODEL_H

#include "metrics/radgraph.h"
#include "model/radgraph.h"

typedef struct thx_radgraph_model thx_radgraph_model;

/* Archive and encoder as thx_radgraph_net_open takes them; the model's type decides how reports are cut into words. */
thorax_status thx_radgraph_model_open(thx_radgraph_model **out, thx_ctx *ctx, const char *archive, const char *encoder,
                                      thorax_error *err);
void          thx_radgraph_model_close(thx_radgraph_model *m);

const char       *thx_radgraph_model_type(const thx_radgraph_model *m);     /* "radgraph-xl"                          */
const char *thx_radgraph_model_identity(const thx_radgraph_model *m); /* SHA-256, hex digits: decides about graphs */
thx_radgraph_net *thx_radgraph_model_net(thx_radgraph_model *m);

/* Words of a report as the network is given them: "None" for an empty one, as the original does; none for white space
 * alone. */
thorax_status thx_radgraph_model_words(const thx_radgraph_model *m, thx_report_words *out, const char *report,
                                       thorax_error *err);

/* The graphs of n reports: graphs [n]; without any entity where a report is white space alone (the original stops
 * there). THORAX_USAGE: a word longer than the encoder allows; THORAX_LIMIT, THORAX_NOMEM, THORAX_CANCELLED; then all
 * graphs are empty, else the caller deinits each. */
thorax_status thx_radgraph_model_graphs(thx_radgraph_model *m, const char *const *reports, size_t n,
                                        thx_radgraph *graphs, thorax_error *err);

/* What a pair of reports gets. An empty report scores 0 without the network (skipped), one of white space too (blank:
 * the original stops there with the whole list), and one of more than THX_DYGIE_WORDS words (endless). */
typedef struct thx_radgraph_score {
    thx_f1         level[THX_RADGRAPH_LEVELS];
    thx_radgraph_f1 combined; /* CXR-Report-Metric's */
    bool            skipped, blank, endless;
} thx_radgraph_score;

/* Scores [n] of the pairs hypotheses[i], references[i]; each different report goes through the network once. Statuses
 * as above. */
thorax_status thx_radgraph_model_scores(thx_radgraph_model *m, const char *const *hypotheses,
                                        const char *const *references, size_t n, thx_radgraph_case rule,
                                        thx_radgraph_score *scores, thorax_error *err);

#endif
