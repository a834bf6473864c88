/* Results: where an answer comes from, before there is one; see tasks.h. */
#include "tasks/tasks_internal.h"

#include <stdlib.h>
#include <string.h>

void thx_result_close(thx_result *r)
{
    if (!r) return;
    free(r->text);
    thx_ids_deinit(&r->ids);
    free(r->film_name);
    for (size_t i = 0; i < r->n_labels; i++) free(r->labels[i]);
    free(r->labels);
    free(r->boxes);
    free(r->remark);
    free(r);
}

/* ---- A result that knows where it comes from, before there is an answer ---- */

/* Of those that are computed with: a checkpoint may hold counters too. */
static unsigned stored_types(const thx_weights *w)
{
    const unsigned computed = 1u << THX_F32 | 1u << THX_F16 | 1u << THX_BF16 | 1u << THX_Q8 | 1u << THX_Q4;
    unsigned       types = 0;

    for (size_t i = 0; w && i < thx_weights_count(w); i++)
        types |= 1u << thx_weights_at(w, i)->type;
    return types & computed;
}

static thorax_status sampling_of(thx_sampling *out, const thorax_options *o, const thx_model *m,
                                 thorax_error *err)
{
    const thx_sampling_request request = {
        .sample = o->sample, .temperature = o->temperature, .top_p = o->top_p, .min_p = o->min_p,
        .repetition_penalty = o->repetition_penalty, .top_k = o->top_k, .seed = o->seed,
    };
    return thx_sampling_resolve(out, &request, &m->generation, err);
}

/* What became of the folder's adapter in this answer. */
static const char *adapter_of(const thx_model *m, const thorax_options *o)
{
    if (!m->adapted) return NULL;
    if (o->no_adapter || m->options.lora == THX_LORA_OFF) return "off";
    return m->options.lora == THX_LORA_KEEP ? "apart" : "merged";
}

static thorax_status fill_provenance(thx_provenance *p, thx_session *s, const thorax_options *o,
                                     thorax_error *err)
{
    thx_engine *e = thx_session_engine(s);
    const thx_model *m = thx_engine_model(e);

    memcpy(p->model, m->identity, sizeof p->model);
    p->family = m->family->name;
    p->types = stored_types(m->weights);
    p->rounded = thx_engine_get_options(e)->type;
    p->adapter = adapter_of(m, o);
    p->precision = thx_engine_get_options(e)->precision;
    p->compat = thx_engine_get_options(e)->compat;
    p->kernels = thx_engine_kernels(e);
    p->drift = thx_engine_drift(e);
    p->max_new_tokens = o->max_new_tokens ? o->max_new_tokens : m->family->max_new_tokens;
    p->ignore_eos = o->ignore_eos;
    p->substring_rule = o->substring_rule;
    return sampling_of(&p->sampling, o, m, err);
}

static bool keep_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

thorax_status thx_result_open(thx_result **out, const char *task, thx_session *s,
                              const thx_film_facts *film, const thorax_options *o,
                              thorax_error *err)
{
    thx_result *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a result");
    r->task = task;
    r->complete = true;
    if (film && film->name) {
        r->has_film = true;
        memcpy(r->film_sha256, film->sha256, sizeof r->film_sha256);
        r->width = film->width;
        r->height = film->height;
        r->profile = film->profile;
    }
    thorax_status st = THORAX_OK;
    if (!keep_text(&r->film_name, r->has_film ? film->name : NULL) ||
        !keep_text(&r->remark, thx_engine_model(thx_session_engine(s))->remark))
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a result");
    if (!st) st = fill_provenance(&r->provenance, s, o, err);
    if (st) thx_result_close(r);
    else *out = r;
    return st;
}
