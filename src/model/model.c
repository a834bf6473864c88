/* Opening and closing model folders; the registry of families. See model.h. */
#include "model/model.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/bind.h"
#include "model/generation.h"

#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX_BYTES = 16 << 20 };

static const thx_family *const families[] = { &thx_family_llava_onevision, &thx_family_llava_rad, &thx_family_llama,
                                             &thx_family_mistral, &thx_family_qwen2, &thx_family_phi };

const thx_family *thx_family_find(const json_t *config)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (families[i]->matches(config)) return families[i];
    return NULL;
}

/* The status of a folder's faults is MODEL, but for memory. */
static thorax_status as_model_fault(thorax_status st, thorax_error *err)
{
    if (!st || st == THORAX_NOMEM || st == THORAX_CANCELLED || st == THORAX_USAGE) return st;
    if (err) err->status = THORAX_MODEL;
    return THORAX_MODEL;
}

void thx_model_close(thx_model *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->n_ready; i++) thx_weight_close(m->ready[i]);
    free(m->ready);
    thx_template_close(m->chat);
    thx_tokenizer_close(m->tokenizer);
    thx_weights_close(m->weights);
    thx_arena_close(m->arena);
    free(m->folder);
    free(m->remark);
    free(m);
}

/* SHA-256 of the config, of every tensor's header, of 64 bytes in the middle of each, and of the type matrices are
 * rounded to, and what becomes of an adapter: tells folders apart without reading them. */
static void identify(thx_model *m, const json_t *config)
{
    thx_sha256 h;
    char      *text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);

    thx_sha256_init(&h);
    if (text) thx_sha256_add(&h, text, strlen(text));
    free(text);
    for (size_t i = 0; m->weights && i < thx_weights_count(m->weights); i++) {
        const thx_view *v = thx_weights_at(m->weights, i);
        const size_t    bytes = thx_view_bytes(v), n = bytes < 64 ? bytes : 64;
        thx_sha256_add(&h, v->name, strlen(v->name) + 1);
        thx_sha256_add(&h, thx_type_name(v->type), strlen(thx_type_name(v->type)));
        thx_sha256_add(&h, v->shape, v->rank * sizeof v->shape[0]);
        if (n) thx_sha256_add(&h, (const unsigned char *)v->data + (bytes - n) / 2, n);
    }
    if (thx_type_grouped(m->options.type)) thx_sha256_add(&h, thx_type_name(m->options.type), 2);
    if (m->options.lora != THX_LORA_MERGE) thx_sha256_add(&h, m->options.lora == THX_LORA_KEEP ? "lora apart" : "lora off", 8);
    thx_sha256_end(&h, m->identity);
}

static thorax_status read_remark(thx_model *m, const json_t *config, thorax_error *err)
{
    const char *remark = json_string_value(json_object_get(config, "thorax_remark"));

    if (!remark) return THORAX_OK;
    m->remark = strdup(remark);
    return m->remark ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");
}

/* What `open` wants of a folder. */
typedef struct wish {
    bool         tokenizer, weights, recipe;
    thx_account *account;
} wish;

static thorax_status find_family(thx_model *m, const json_t *config, const char *path, thorax_error *err)
{
    const char *type = json_string_value(json_object_get(config, "model_type"));

    m->family = thx_family_find(config);
    if (m->family) return THORAX_OK;
    return thx_fail(err, THORAX_MODEL, 0,
                    "%s: model_type '%.60s' is of no family known here (llava_onevision, LlavaQwenForCausalLM, "
                    "LlavaLlamaForCausalLM; without films LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, PhiForCausalLM)", path, type ? type : "");
}

static thorax_status open_weights(thx_model *m, const json_t *config, thorax_error *err)
{
    if (m->family->open_weights) return m->family->open_weights(m, config, err);
    if (m->options.base) return thx_fail(err, THORAX_USAGE, 0, "%s: a model of this family has no base", m->folder);
    return thx_weights_open(&m->weights, m->folder, err);
}

static thorax_status read_chat(thx_model *m, const char *from, thorax_error *err)
{
    const thx_family *f = m->family;

    if (f->chat) return thx_template_builtin(&m->chat, f->chat, err);
    const thorax_status st = thx_template_open(&m->chat, from, err);
    if (st == THORAX_IO && f->chat_otherwise) return thx_template_builtin(&m->chat, f->chat_otherwise, err);
    return st == THORAX_FORMAT && f->chat_otherwise ? THORAX_OK : st;
}

/* Tokenizer, template and generation defaults, from the family's place for them. */
static thorax_status read_text(thx_model *m, const json_t *config, thorax_error *err)
{
    char         *folder = NULL;
    thorax_status st = m->family->text_folder ? m->family->text_folder(&folder, m, err) : THORAX_OK;
    const char   *from = folder ? folder : m->folder;

    if (!st) st = thx_tokenizer_open(&m->tokenizer, from, err);
    if (!st) st = read_chat(m, from, err);
    if (!st) st = thx_generation_read(&m->generation, from, config, m->tokenizer, err);
    free(folder);
    return st;
}

/* A folder of a tokenizer alone is enough where nothing else is wanted. */
static thorax_status read_bare_text(thx_model *m, thorax_error *err)
{
    thorax_status st = thx_tokenizer_open(&m->tokenizer, m->folder, err);

    return st ? st : thx_template_open(&m->chat, m->folder, err);
}

static thorax_status read_model(thx_model *m, wish w, const char *path, thorax_error *err)
{
    json_t       *config = NULL;
    thorax_status st = thx_json_read(&config, path, CONFIG_MAX_BYTES, err);

    if (!st) st = find_family(m, config, path, err);
    if (!st && w.tokenizer) st = read_text(m, config, err);
    if (!st && w.weights) st = open_weights(m, config, err);
    if (!st) st = m->family->load(m, config, w.account, err);
    if (!st) st = read_remark(m, config, err);
    if (!st && w.weights) identify(m, config);
    json_decref(config);
    return st;
}

static thorax_status read_folder(thx_model *m, wish w, thorax_error *err)
{
    char         *path = thx_path_join(m->folder, "config.json");
    thorax_status st = path ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    if (!st && !thx_is_folder(m->folder))
        st = thx_fail(err, THORAX_MODEL, 0, "%s: expected a model folder", m->folder);
    if (!st) st = w.weights || w.recipe ? read_model(m, w, path, err) : read_bare_text(m, err);
    free(path);
    return as_model_fault(st, err);
}

thorax_status thx_model_new(thx_model **out, thx_ctx *ctx, const char *folder, thorax_error *err)
{
    thx_model *m = calloc(1, sizeof *m);

    *out = NULL;
    if (!m) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    m->ctx = ctx;
    m->folder = strdup(folder);
    m->image_id = -1;
    thorax_status st = m->folder ? thx_arena_open(&m->arena, 0, err)
                                 : thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (st) {
        thx_model_close(m);
        return st;
    }
    *out = m;
    return THORAX_OK;
}

static thorax_status open_with(thx_model **out, thx_ctx *ctx, const char *folder, const thx_model_options *options, wish w,
                               thorax_error *err)
{
    thorax_status st = thx_model_new(out, ctx, folder, err);

    if (!st && options) (*out)->options = *options;
    if (!st) st = read_folder(*out, w, err);
    if (st) {
        thx_model_close(*out);
        *out = NULL;
        return st;
    }
    (*out)->options.base = (*out)->options.merged_cache = NULL; /* the caller's texts */
    if (options) (*out)->recipe.compat = options->compat;
    return THORAX_OK;
}

thorax_status thx_model_open(thx_model **out, thx_ctx *ctx, const char *folder, const thx_model_options *options,
                             thorax_error *err)
{
    return open_with(out, ctx, folder, options, (wish){ .tokenizer = true, .weights = true }, err);
}

thorax_status thx_model_open_parts(thx_model **out, const char *folder, const thx_model_options *options, bool tokenizer, bool recipe,
                                   thorax_error *err)
{
    wish          w = { .tokenizer = tokenizer, .recipe = recipe };
    thorax_status st = open_with(out, NULL, folder, options, w, err);
    thx_account   account = { 0 };

    if (!recipe || st != THORAX_MODEL) return st;
    /* A layout whose sizes are told by its tensors alone: look at them, but make nothing ready. */
    w.weights = true;
    w.account = &account;
    thorax_error second;
    if (!open_with(out, NULL, folder, options, w, &second)) st = THORAX_OK;
    thx_account_deinit(&account);
    return st;
}

thorax_status thx_model_verify(thx_account *account, thx_model **out, const char *folder, const thx_model_options *options,
                               thorax_error *err)
{
    *account = (thx_account){ 0 };
    return open_with(out, NULL, folder, options, (wish){ .tokenizer = true, .weights = true, .account = account }, err);
}

void thx_account_deinit(thx_account *a)
{
    free(a->lines);
    *a = (thx_account){ 0 };
}
