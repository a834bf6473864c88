/* Opening engines, and the plan of what a question will take. See engine.h. */
#include "engine/engine_internal.h"

#include <pthread.h>
#include <stdlib.h>

static thorax_status open_caches(thx_engine *e, thorax_error *err)
{
    const thx_engine_options *o = &e->options;

    if (!o->cache_bytes && !o->cache_folder) return THORAX_OK;
    thx_engine_cache_key(e->cache_key, e, o->cache_folder != NULL);
    return thx_cache_open(&e->cache, &(thx_cache_options){ o->cache_bytes, o->cache_folder, o->cache_folder_bytes }, err);
}

thorax_status thx_engine_open(thx_engine **out, const char *folder,
                              const thx_engine_options *options, thorax_error *err)
{
    thx_engine               *e = calloc(1, sizeof *e);
    const thx_engine_options *o = options;
    thorax_status             st;

    *out = NULL;
    if (!e) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    e->options = *o;
    pthread_mutex_init(&e->lock, NULL);
    st = thx_cpu_open(&e->ctx, o->cpu_level < 0 ? thx_cpu_level() : o->cpu_level, o->precision,
                      o->threads, err);
    if (!st)
        st = thx_model_open(&e->model, e->ctx, folder,
                            &(thx_model_options){ .compat = o->compat, .type = o->type, .base = o->base, .lora = o->lora,
                                                  .merged_cache = o->merged_cache, .plan_only = o->plan_only,
                                                  .mem_limit_bytes = o->mem_limit_bytes }, err);
    if (!st) e->decoder = &e->model->decoder;
    if (!st && o->draft_corpus)
        st = thx_corpus_open(&e->corpus, o->draft_corpus, e->model->tokenizer,
                             e->model->generation.n_eos ? e->model->generation.eos[0] : -1, err);
    if (!st) st = open_caches(e, err);
    e->options.base = e->options.merged_cache = NULL; /* read; the caller's texts */
    e->options.draft_corpus = NULL;
    e->options.cache_folder = NULL;
    if (!st) {
        const size_t most = e->model->decoder.config.max_positions;
        e->ctx_tokens = (uint32_t)(o->ctx_tokens && o->ctx_tokens < most ? o->ctx_tokens : most);
        if (!o->plan_only && (o->precision == THX_FAST_INT8 || o->kv_bits)) st = thx_engine_measure_drift(&e->drift, e, err);
    }
    if (!st) {
        *out = e;
        return THORAX_OK;
    }
    thx_engine_close(e);
    return st;
}

void thx_engine_close(thx_engine *e)
{
    if (!e) return;
    thx_cache_close(e->cache);
    thx_corpus_close(e->corpus);
    thx_model_close(e->model);
    thx_cpu_close(e->ctx);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

thx_model                *thx_engine_model(thx_engine *e) { return e->model; }
const thx_engine_options *thx_engine_get_options(const thx_engine *e) { return &e->options; }
thx_drift                 thx_engine_drift(const thx_engine *e) { return e->drift; }
uint32_t                  thx_engine_ctx_tokens(const thx_engine *e) { return e->ctx_tokens; }
const char               *thx_engine_kernels(const thx_engine *e) { return e->ctx->ops->name; }

thx_cache_status thx_engine_cache_status(const thx_engine *e)
{
    thx_cache_status s = { 0 };

    if (!e->cache) return s;
    thx_cache_settle(e->cache);
    thx_cache_get_status(e->cache, &s);
    return s;
}

thx_type thx_engine_kv_type(const thx_engine *e)
{
    if (e->options.kv_bits == 8) return THX_I8;
    return e->options.precision == THX_EXACT ? THX_F32 : THX_BF16;
}

/* Activations of one pass over prompt rows, logits included. */
static uint64_t scratch_bytes(const thx_model *m, size_t rows)
{
    const thx_decoder_config *c = &m->decoder.config;
    const size_t              T = rows < THX_PASS_TOKENS ? rows : THX_PASS_TOKENS;
    return thx_decoder_scratch_bytes(&m->decoder, T) + (T * c->D + 4 * c->V) * sizeof(float);
}

thorax_status thx_engine_plan(thx_plan *out, const thx_engine *e, uint32_t width, uint32_t height,
                              uint32_t text_tokens, uint32_t new_tokens, thorax_error *err)
{
    const thx_model *m = e->model;
    thx_kv_cache     kv;
    thx_geometry     g = { 0 };
    thorax_status    st;

    *out = (thx_plan){ .weights_mapped_bytes = thx_weights_bytes(m->weights),
                       .weights_bytes = thx_weights_owned_bytes(m->weights) }; /* gathered at opening */
    for (size_t i = 0; i < m->n_ready; i++) out->weights_bytes += thx_weight_bytes(m->ready[i]);
    if (m->options.plan_only) out->weights_bytes += m->merged_bytes;
    if (width) {
        if ((st = thx_geometry_plan(&g, &m->recipe, width, height, err))) return st;
        out->image_tokens = g.image_tokens;
        out->vision_bytes = thx_model_encode_scratch_bytes(m, &g);
        out->image_rows_bytes = (uint64_t)g.image_tokens * m->decoder.config.D * sizeof(float);
    }
    const uint64_t tokens = (uint64_t)out->image_tokens + text_tokens + new_tokens;
    out->tokens = (uint32_t)(tokens < e->ctx_tokens ? tokens : e->ctx_tokens);
    if ((st = thx_kv_cache_init(&kv, &m->decoder.config, thx_engine_kv_type(e), err))) return st;
    out->kv_bytes = thx_kv_cache_bytes(&kv, out->tokens);
    out->scratch_bytes = scratch_bytes(m, out->tokens);
    if (e->cache && width) /* the block that a prefix ends in is written to by a copy */
        out->cache_bytes = thx_cache_bytes(e->cache) + thx_kv_cache_bytes(&kv, 1);
    thx_kv_cache_deinit(&kv);
    const uint64_t later =
        out->kv_bytes + out->scratch_bytes; /* the tower's memory is given back before */
    out->peak_bytes = out->weights_bytes + out->image_rows_bytes + out->cache_bytes +
                      (out->vision_bytes > later ? out->vision_bytes : later);
    return THORAX_OK;
}
