/* Binding: stored tensors meet the places that want them.
 *
 * A family names each stored tensor canonically ("language_model.model.layers.3.self_attn.q_proj.weight"),
 * whatever layout the folder has; then it asks for every tensor it needs, with its shape. What is
 * asked for is made ready, or, when an account is kept, only written down. */
#ifndef THX_MODEL_BIND_H
#define THX_MODEL_BIND_H

#include "model/model.h"

/* A model with nothing in it but its folder's name, for whoever fills it; `thx_model_close` frees it. THORAX_NOMEM. */
thorax_status thx_model_new(thx_model **out, thx_ctx *ctx, const char *folder, thorax_error *err);

typedef struct thx_binder thx_binder;

/* Writes the canonical name of a stored one into out [size]; false = not known to the family. */
typedef bool thx_canonical_fn(char *out, size_t size, const char *stored);

thorax_status thx_binder_open(thx_binder **out, thx_model *m, thx_canonical_fn *canonical, thx_account *account, thorax_error *err);
void          thx_binder_close(thx_binder *b);

bool            thx_binder_has(const thx_binder *b, const char *name);
const thx_view *thx_binder_view(const thx_binder *b, const char *name); /* NULL when absent */

/* Makes tensor `name` ready into *out, where its shape is as wanted (dimensions after the rank). Does nothing after
 * a failure without an account. */
thorax_status thx_bind(thx_binder *b, thx_weight **out, thx_weight_use use, const char *name, uint32_t rank, const uint64_t *shape,
                       thorax_error *err);

/* "<prefix><suffix>" as a matrix [a, b], or with b = 0 a vector [a]; and a weight with its bias (NULL: none),
 * "<prefix><name>.weight" and ".bias". */
thorax_status thx_bind_named(thx_binder *b, thx_weight **out, const char *prefix, const char *suffix, size_t rows, size_t cols,
                             thorax_error *err);
thorax_status thx_bind_pair(thx_binder *b, thx_weight **weight, thx_weight **bias, const char *prefix, const char *name, size_t rows,
                            size_t cols, thorax_error *err);

/* Makes W + scale * up·a ready, in place of the stored W, which counts as used. */
thorax_status thx_bind_merged(thx_binder *b, thx_weight **out, const thx_view *w, const thx_view *a, const thx_view *up, float scale,
                              thorax_error *err);
thorax_status thx_bind_vector(thx_binder *b, thx_weight **out, const thx_view *vector, thorax_error *err); /* made by the caller */

/* Says of a stored tensor that it went into a made one. */
thorax_status thx_binder_merged(thx_binder *b, const char *name, double norm, thorax_error *err);
size_t        thx_binder_count(const thx_binder *b, bool (*is)(const char *canonical)); /* of the tensors known to the family */
thx_model    *thx_binder_model(const thx_binder *b);
bool          thx_binder_accounts(const thx_binder *b); /* nothing is made ready */

/* Ends the account: tensors nobody asked for are unused (known to the family, `unused` says so) or unknown. */
thorax_status thx_binder_end(thx_binder *b, bool (*unused)(const char *canonical), thorax_error *err);

#endif
