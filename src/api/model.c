/* Models of the public header: options checked, then the engine's; see thorax.h. */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 1024 };

const char *thorax_status_text(thorax_status status) { return thx_status_text(status); }
const char *thorax_version(void) { return THX_VERSION; }
const char *thorax_notice(void) { return thx_notice; }

thorax_model_options thorax_model_options_default(void)
{
    return (thorax_model_options){ .precision = "auto",
                                   .cache_memory_bytes = (uint64_t)1 << 30,
                                   .cache_limit_bytes = (uint64_t)16 << 30 };
}

static thorax_status parse_precision(thx_precision *out, const char *name, thorax_error *err)
{
    *out = THX_FAST;
    if (!name) return THORAX_OK;
    for (thx_precision p = THX_EXACT; thx_precision_name(p); p++)
        if (!strcmp(name, thx_precision_name(p))) {
            *out = p;
            return THORAX_OK;
        }
    return thx_fail(err, THORAX_USAGE, 0, "precision \"%.40s\": expected f32, auto, lossy or int8", name);
}

/* THX_F32 stands for: as stored. */
static thorax_status parse_type(thx_type *out, const char *name, thorax_error *err)
{
    *out = THX_F32;
    if (!name) return THORAX_OK;
    if (!strcmp(name, "q8")) *out = THX_Q8;
    else if (!strcmp(name, "q4")) *out = THX_Q4;
    else return thx_fail(err, THORAX_USAGE, 0, "type \"%.40s\": expected q8 or q4", name);
    return THORAX_OK;
}

static thorax_status parse_compat(thx_compat *out, const char *name, thorax_error *err)
{
    *out = THX_COMPAT_CURRENT;
    if (!name) return THORAX_OK;
    if (strcmp(name, "transformers-4.46"))
        return thx_fail(err, THORAX_USAGE, 0, "compat \"%.40s\": expected transformers-4.46", name);
    *out = THX_COMPAT_446;
    return THORAX_OK;
}

static thorax_status parse_cpu(int *out, const char *name, thorax_error *err)
{
    *out = -1;
    if (!name) return THORAX_OK;
    for (int level = THX_CPU_REF; level <= THX_CPU_AMX; level++)
        if (!strcmp(name, thx_cpu_level_name(level))) {
            *out = level;
            return THORAX_OK;
        }
    return thx_fail(err, THORAX_USAGE, 0,
                    "cpu \"%.40s\": expected ref, avx2, avx512, avx512-bf16 or amx", name);
}

static thorax_status parse_lora(thx_lora_use *out, const char *name, thorax_error *err)
{
    *out = THX_LORA_MERGE;
    if (!name || !strcmp(name, "merge")) return THORAX_OK;
    if (!strcmp(name, "keep")) *out = THX_LORA_KEEP;
    else if (!strcmp(name, "off")) *out = THX_LORA_OFF;
    else return thx_fail(err, THORAX_USAGE, 0, "lora \"%.40s\": expected merge, keep or off", name);
    return THORAX_OK;
}

static thorax_status engine_options(thx_engine_options *out, const thorax_model_options *o,
                                    thorax_error *err)
{
    *out = (thx_engine_options){ .threads = o->threads,
                                 .base = o->base,
                                 .merged_cache = o->merged_cache,
                                 .plan_only = o->plan_only,
                                 .kv_bits = o->kv_bits,
                                 .ctx_tokens = o->ctx_tokens,
                                 .draft_corpus = o->draft_corpus,
                                 .cache_bytes = o->cache_memory_bytes,
                                 .cache_folder = o->cache_folder,
                                 .cache_folder_bytes = o->cache_limit_bytes,
                                 .mem_limit_bytes = o->mem_limit_bytes };
    if (o->kv_bits && o->kv_bits != 8)
        return thx_fail(err, THORAX_USAGE, 0, "%u bits for keys and values, expected 0 or 8", o->kv_bits);
    if (o->threads < 0 || o->threads > THREADS_MAX)
        return thx_fail(err, THORAX_USAGE, 0, "%d threads, expected 0 to %d", o->threads,
                        THREADS_MAX);
    thorax_status st = parse_type(&out->type, o->type, err);
    if (!st) st = parse_lora(&out->lora, o->lora, err);
    if (!st) st = parse_precision(&out->precision, o->precision, err);
    if (!st) st = parse_compat(&out->compat, o->compat, err);
    if (!st) st = parse_cpu(&out->cpu_level, o->cpu, err);
    return st;
}

thorax_status thorax_model_open(thorax_model **out, const char *folder,
                                const thorax_model_options *options, thorax_error *err)
{
    const thorax_model_options defaults = thorax_model_options_default();
    thx_engine_options eo;

    *out = NULL;
    thorax_status st = engine_options(&eo, options ? options : &defaults, err);
    if (st) return st;
    thorax_model *m = calloc(1, sizeof *m);
    if (!m) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for a model", folder);
    st = thx_engine_open(&m->engine, folder, &eo, err);
    if (st) free(m);
    else *out = m;
    return st;
}

void thorax_model_close(thorax_model *model)
{
    if (!model) return;
    thx_engine_close(model->engine);
    free(model);
}

const char *thorax_model_family(const thorax_model *model)
{
    return thx_engine_model(model->engine)->family->name;
}
const char *thorax_model_identity(const thorax_model *model)
{
    return thx_engine_model(model->engine)->identity;
}
const char *thorax_model_remark(const thorax_model *model)
{
    return thx_engine_model(model->engine)->remark;
}
bool thorax_model_drift(thorax_drift *out, const thorax_model *model)
{
    const thx_drift d = thx_engine_drift(model->engine);

    *out = (thorax_drift){ d.rows, d.agree, d.kl_mean, d.kl_max };
    return d.rows > 0;
}
void thorax_model_cache(thorax_cache_status *out, const thorax_model *model)
{
    const thx_cache_status s = thx_engine_cache_status(model->engine);

    *out = (thorax_cache_status){ .from_memory = s.from_memory, .from_folder = s.from_disk, .stored = s.stored,
                                  .damaged = s.damaged, .failed = s.failed };
    memcpy(out->reason, s.text, sizeof out->reason);
}
uint32_t thorax_model_ctx_tokens(const thorax_model *model)
{
    return thx_engine_ctx_tokens(model->engine);
}

thorax_status thorax_film_tokens(uint32_t *tokens, const thorax_model *model,
                                 const thorax_film *film, thorax_error *err)
{
    const thx_recipe *recipe = &thx_engine_model(model->engine)->recipe;
    thx_geometry g;

    const thorax_status st =
        thx_geometry_plan(&g, recipe, film->picture.width, film->picture.height, err);
    *tokens = st ? 0 : g.image_tokens;
    return st;
}

thorax_status thorax_model_plan(thorax_plan *out, const thorax_model *model,
                                const thorax_film *film, uint32_t text_tokens,
                                uint32_t max_new_tokens, thorax_error *err)
{
    const uint32_t new_tokens =
        max_new_tokens ? max_new_tokens : thx_engine_model(model->engine)->family->max_new_tokens;
    thx_plan p;

    *out = (thorax_plan){ 0 };
    const thorax_status st =
        thx_engine_plan(&p, model->engine, film ? film->picture.width : 0,
                        film ? film->picture.height : 0, text_tokens, new_tokens, err);
    if (!st)
        *out = (thorax_plan){
            .weights_mapped_bytes = p.weights_mapped_bytes,
            .weights_bytes = p.weights_bytes,
            .vision_bytes = p.vision_bytes,
            .image_rows_bytes = p.image_rows_bytes,
            .kv_bytes = p.kv_bytes,
            .scratch_bytes = p.scratch_bytes,
            .peak_bytes = p.peak_bytes,
            .image_tokens = p.image_tokens,
            .tokens = p.tokens,
        };
    return st;
}
