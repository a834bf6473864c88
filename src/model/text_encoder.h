/* Folders of text encoders: BERT, RoBERTa, DistilBERT, MPNet, ModernBERT, DeBERTa-v2 as the transformers library writes
 * them: config.json, weights, tokenizer files. Texts become ids, ids become hidden rows [D], one a token.
 *
 * The kind is told by model_type of config.json. Weights may lie in another file than the folder's, among other tensors
 * (a classifier over an encoder): the encoder's are found by their common prefix, others are opened by name.
 * One encoder serves one caller at a time, as its context does; the work is spread over the context's threads. */
#ifndef THX_MODEL_TEXT_ENCODER_H
#define THX_MODEL_TEXT_ENCODER_H

#include "encoder/encoder.h"
#include "text/text.h"
#include "weights/weights.h"

typedef enum thx_text_kind {
    THX_TEXT_BERT,
    THX_TEXT_ROBERTA,
    THX_TEXT_DISTILBERT,
    THX_TEXT_MPNET,
    THX_TEXT_MODERNBERT,
    THX_TEXT_DEBERTA,
    THX_TEXT_KINDS
} thx_text_kind;

const char *thx_text_kind_name(thx_text_kind kind); /* model_type of config.json: "bert", ..., "deberta-v2" */

typedef struct thx_text_encoder thx_text_encoder;

typedef struct thx_text_encoder_options {
    size_t      layers;    /* to bind and run, from the first on; 0 = all                                       */
    const char *weights;   /* a file, or a folder, of weights instead of the folder's own; NULL                 */
    const char *prefix;    /* of the encoder's tensors there, "model.bert."; NULL: found by their names         */
    const char *tokenizer; /* a folder of tokenizer files instead of the folder's own; NULL                     */
} thx_text_encoder_options;

/* Opens a folder on a context, which must outlive the encoder. Options NULL: the defaults. Weights are mapped and
 * computed with in f32 where the context's precision is THX_EXACT.
 * THORAX_MODEL: whatever is wrong with the folder (missing files, an unknown kind or setting, tensors that do not
 * fit: named); THORAX_USAGE: more layers than there are; THORAX_NOMEM. */
thorax_status thx_text_encoder_open(thx_text_encoder **out, thx_ctx *ctx, const char *folder,
                                    const thx_text_encoder_options *o, thorax_error *err);
void          thx_text_encoder_close(thx_text_encoder *e);

/* ---- What it is ---- */
thx_text_kind thx_text_encoder_kind(const thx_text_encoder *e);
size_t        thx_text_encoder_width(const thx_text_encoder *e);  /* D              */
size_t        thx_text_encoder_layers(const thx_text_encoder *e); /* that are bound */
/* Ids of a text at most, special ones counted: the lesser of what tokenizer and positions allow. */
size_t        thx_text_encoder_limit(const thx_text_encoder *e);
bool          thx_text_encoder_has_pooler(const thx_text_encoder *e);
bool          thx_text_encoder_has_last_norm(const thx_text_encoder *e); /* ModernBERT */
int32_t       thx_text_encoder_first(const thx_text_encoder *e);    /* [CLS], <s>; -1 = none                       */
int32_t       thx_text_encoder_last(const thx_text_encoder *e);     /* [SEP], </s>; -1 = none                      */
const thx_tokenizer *thx_text_encoder_tokenizer(const thx_text_encoder *e);
thx_ctx      *thx_text_encoder_ctx(const thx_text_encoder *e);

/* SHA-256 in 64 hex digits of what decides about rows: the config, and of every bound tensor name, type, shape and
 * 64 bytes of its middle. The container does not matter. */
const char *thx_text_encoder_identity(const thx_text_encoder *e);

/* ---- Texts to ids ----
 * Appends what the original's tokenizer gives: special tokens written in the text are parsed. With `special` the
 * tokens that belong around a text are put there, and a text that is too long loses its end, not them. `limit`: ids
 * that are appended at most; 0 = thx_text_encoder_limit; SIZE_MAX = no truncation. Thread-safe.
 * THORAX_USAGE: a limit too small for the special tokens; THORAX_NOMEM; THORAX_LIMIT (thx_tokenizer_encode). */
thorax_status thx_text_encoder_ids(const thx_text_encoder *e, const char *text, size_t size, size_t limit, bool special,
                                   thx_ids *out, thorax_error *err);

/* ---- Ids to rows ----
 * Rows of n texts given as ids that lie one behind the other; text i ends before ids[ends[i]]. Texts of different
 * lengths may be mixed: they are computed together and none is padded, each row as if its text stood alone, bit for
 * bit.
 *   layer      behind that many blocks; 0 = the embeddings under their norm
 *   last_norm  ModernBERT: the last norm over it, as the original's output has it (BERTScore after any number of
 *              blocks); ignored by the other kinds
 *   out        [T, D] in the order of the ids, T = ends[n-1]
 * THORAX_USAGE: an empty or too long text, an unknown id, a layer that is not there; THORAX_NOMEM;
 * THORAX_CANCELLED (ctx->step, called once a layer of every pass). */
thorax_status thx_text_encoder_hidden(thx_text_encoder *e, const int32_t *ids, const size_t *ends, size_t n,
                                      size_t layer, bool last_norm, float *out, thorax_error *err);

/* The same behind every layer: out [layers + 1, T, D], row 0 the embeddings; where there is a last norm one more,
 * the last layer under it ([layers + 2, T, D]): thx_text_encoder_levels. */
size_t        thx_text_encoder_levels(const thx_text_encoder *e);
thorax_status thx_text_encoder_every(thx_text_encoder *e, const int32_t *ids, const size_t *ends, size_t n, float *out,
                                     thorax_error *err);

/* out [n, D] = the row of each text's first token ([CLS]) behind `layer`. */
thorax_status thx_text_encoder_cls(thx_text_encoder *e, const int32_t *ids, const size_t *ends, size_t n, size_t layer,
                                   bool last_norm, float *out, thorax_error *err);

/* out [n, D] = tanh(W x + b) of rows x [n, D], as the original pools [CLS]. Only where there is a pooler.
 * THORAX_NOMEM. */
thorax_status thx_text_encoder_pool(thx_text_encoder *e, const float *x, size_t n, float *out, thorax_error *err);

/* ---- Other tensors of the same weights ----
 * `name` is a tensor's name, or the end of exactly one name, behind a dot ("linear_heads.0.weight" finds
 * "model_state_dict.module.linear_heads.0.weight"). */
const thx_view *thx_text_encoder_view(const thx_text_encoder *e, const char *name); /* NULL: none, or several */
/* Made ready as a matrix [rows, cols], as a vector [size], as rows to be gathered; closed with the encoder.
 * THORAX_MODEL: missing, or of another shape or type (named); THORAX_NOMEM. */
thorax_status thx_text_encoder_matrix(thx_text_encoder *e, thx_weight **out, const char *name, size_t rows, size_t cols,
                                      thorax_error *err);
thorax_status thx_text_encoder_vector(thx_text_encoder *e, thx_weight **out, const char *name, size_t size,
                                      thorax_error *err);
thorax_status thx_text_encoder_table(thx_text_encoder *e, thx_weight **out, const char *name, size_t rows, size_t cols,
                                     thorax_error *err);

/* y [n, N] = x [n, K] · Wᵀ + b; b may be NULL. What heads are made of. THORAX_NOMEM. */
thorax_status thx_text_encoder_linear(thx_text_encoder *e, float *y, const float *x, size_t n, const thx_weight *w,
                                      const thx_weight *b, size_t N, size_t K, thorax_error *err);

#endif
