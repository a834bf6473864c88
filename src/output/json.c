/* A result as JSON; the schema is docs/results.md. Numbers carry 9 significant digits. */
#include "output/output.h"

#include "base/json.h"
#include "text/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char thx_notice[] = "research use only: not a diagnosis, not for clinical decisions";

/* Text that is not UTF-8 has U+FFFD where it is broken. */
static json_t *text_json(const char *text)
{
    thx_string repaired = { 0 };
    json_t *json = NULL;

    if (!text) return json_null();
    thx_utf8_repair(&repaired, text, strlen(text));
    thx_string_add(&repaired, "", 0);
    if (!repaired.failed) json = json_stringn(repaired.data, repaired.size);
    thx_string_deinit(&repaired);
    return json;
}

/* Takes value; false when it is NULL or memory runs out. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

/* The list if it is whole, else NULL. */
static json_t *whole_list(json_t *list, bool whole)
{
    if (whole) return list;
    json_decref(list);
    return NULL;
}

static json_t *film_json(const thx_result *r)
{
    if (!r->has_film) return json_null();
    return json_pack("{s:o, s:s, s:I, s:I, s:s}", "path", thx_json_path(r->film_name), "sha256",
                     r->film_sha256, "width", (json_int_t)r->width, "height", (json_int_t)r->height,
                     "profile", thx_profile_name(r->profile));
}

static json_t *findings_json(const thx_result *r)
{
    json_t *list = json_array();
    bool whole = true;

    for (size_t i = 0; i < r->n_findings; i++) {
        const thorax_finding *f = &r->findings[i];
        json_t *present = f->present < 0 ? json_null() : json_boolean(f->present);
        json_t *score = isnan(f->score) ? json_null() : json_real(f->score);
        whole &= !json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "name", f->name,
                                                        "present", present, "score", score));
    }
    return whole_list(list, whole);
}

static json_t *boxes_json(const thx_result *r)
{
    json_t *list = json_array();
    const double w = r->width, h = r->height;
    bool whole = true;

    for (size_t i = 0; i < r->n_boxes; i++) {
        const thorax_labelled_box *b = &r->boxes[i];
        json_t *box = json_pack("{s:o, s:[f,f,f,f]}", "label", text_json(b->label), "box", b->x1,
                                b->y1, b->x2, b->y2);
        if (r->has_film)
            whole &= put(box, "pixels",
                         json_pack("[f,f,f,f]", b->x1 * w, b->y1 * h, b->x2 * w, b->y2 * h));
        whole &= !json_array_append_new(list, box);
    }
    return whole_list(list, whole);
}

static json_t *types_json(unsigned types)
{
    json_t *list = json_array();

    for (unsigned t = 0; t < THX_TYPES; t++)
        if (types & (1u << t)) json_array_append_new(list, json_string(thx_type_name((thx_type)t)));
    return list;
}

/* Greedy decoding knows the repetition penalty alone; seed is null there. */
static json_t *decoding_json(const thx_provenance *p)
{
    const thx_sampling *s = &p->sampling;
    json_t *json = json_pack("{s:b, s:I, s:f, s:b}", "sample", s->sample, "max_new_tokens",
                             (json_int_t)p->max_new_tokens, "repetition_penalty",
                             s->repetition_penalty, "ignore_eos", p->ignore_eos);

    if (s->sample)
        json_object_update_new(json,
                               json_pack("{s:f, s:i, s:f, s:f}", "temperature", s->temperature,
                                         "top_k", s->top_k, "top_p", s->top_p, "min_p", s->min_p));
    return json;
}

/* An unsigned number that JSON readers take as it is: an integer, beyond 63 bits its digits as
 * text. */
static json_t *seed_json(const thx_sampling *s)
{
    char digits[24];

    if (!s->sample) return json_null();
    if (s->seed <= INT64_MAX) return json_integer((json_int_t)s->seed);
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)s->seed);
    return json_string(digits);
}

static json_t *hash_or_null(const char *hash) { return *hash ? json_string(hash) : json_null(); }

/* Where scores come from: "family" or the hash of the questions' file, and of the calibration's. */
static json_t *scoring_json(const thx_provenance *p)
{
    json_t *questions = *p->questions_sha256 ? json_string(p->questions_sha256) : json_string("family");

    return json_pack("{s:o, s:b, s:o}", "questions", questions, "calibrated", p->calibrated, "calibration",
                     hash_or_null(p->calibration_sha256));
}

static json_t *provenance_json(const thx_result *r)
{
    const thx_provenance *p = &r->provenance;
    json_t *compat = p->compat == THX_COMPAT_446 ? json_string("transformers-4.46") : json_null();
    json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:o, s:o}", "program",
                             "thorax " THX_VERSION, "model", p->model, "family", p->family, "types",
                             types_json(p->types), "precision", thx_precision_name(p->precision), "kernels",
                             p->kernels, "compat", compat, "prompt_sha256", p->prompt_sha256,
                             "decoding", decoding_json(p), "seed", seed_json(&p->sampling));

    if (r->has_film)
        json_object_set_new(json, "profile", json_string(thx_profile_name(r->profile)));
    if (!strcmp(r->task, "classify"))
        json_object_set_new(json, "rule",
                            json_string(p->substring_rule ? "substring" : "negation-aware"));
    if (p->adapter) json_object_set_new(json, "adapter", json_string(p->adapter));
    if (p->rounded == THX_Q8 || p->rounded == THX_Q4)
        json_object_set_new(json, "rounded", json_string(thx_type_name(p->rounded)));
    if (p->drift.rows)
        json_object_set_new(json, "drift", json_pack("{s:i, s:i, s:f, s:f}", "rows", (int)p->drift.rows, "agree", (int)p->drift.agree,
                                                     "kl_mean", p->drift.kl_mean, "kl_max", p->drift.kl_max));
    if (p->scored) json_object_set_new(json, "scores", scoring_json(p));
    return json;
}

static bool add_answer(json_t *json, const thx_result *r)
{
    const thorax_usage *u = &r->usage;
    json_t *ids = json_array();
    bool whole = true;

    for (size_t i = 0; i < r->ids.size; i++)
        whole &= !json_array_append_new(ids, json_integer(r->ids.data[i]));
    whole &= put(json, "ids", ids);
    whole &= put(json, "usage",
                 json_pack("{s:I, s:I, s:I, s:I}", "prompt_tokens", (json_int_t)u->prompt_tokens,
                           "image_tokens", (json_int_t)u->image_tokens, "completion_tokens",
                           (json_int_t)u->completion_tokens, "cached_tokens",
                           (json_int_t)u->cached_tokens));
    whole &= put(json, "timing",
                 json_pack("{s:f, s:f, s:f}", "vision_s", u->vision_s, "prompt_s", u->prompt_s,
                           "decode_s", u->decode_s));
    return whole & put(json, "drafts",
                       json_pack("{s:I, s:I, s:I, s:f}", "passes", (json_int_t)u->decode_passes, "proposed",
                                 (json_int_t)u->draft_proposed, "accepted", (json_int_t)u->draft_accepted,
                                 "row_cost", u->draft_row_cost));
}

char *thx_result_to_json(const thx_result *r)
{
    json_t *json = json_object();
    bool whole = put(json, "schema", json_integer(1));

    whole &= put(json, "film", film_json(r));
    whole &= put(json, "task", json_string(r->task));
    whole &= put(json, "text", text_json(r->text));
    whole &= put(json, "complete", json_boolean(r->complete));
    if (!strcmp(r->task, "ask")) whole &= add_answer(json, r);
    whole &= put(json, "findings", findings_json(r));
    whole &= put(json, "boxes", boxes_json(r));
    whole &= put(json, "provenance", provenance_json(r));
    if (r->remark) whole &= put(json, "remark", text_json(r->remark));
    whole &= put(json, "notice", json_string(thx_notice));
    char *line = whole ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    return line;
}
