/* generation_config.json; see generation.h. */
#include "model/generation.h"
#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>

static const char where[] = "generation_config.json";

static void add_eos(thx_generation_defaults *d, int32_t id)
{
    for (size_t i = 0; i < d->n_eos; i++)
        if (d->eos[i] == id) return;
    if (id >= 0 && d->n_eos < sizeof d->eos / sizeof d->eos[0]) d->eos[d->n_eos++] = id;
}

/* eos_token_id: one id or a list. */
static thorax_status read_eos(thx_generation_defaults *d, const json_t *file, thorax_error *err)
{
    const json_t *eos = json_object_get(file, "eos_token_id"), *id;
    const size_t  room = sizeof d->eos / sizeof d->eos[0];
    size_t        i;

    if (!eos || json_is_null(eos)) return THORAX_OK;
    if (json_is_integer(eos) && json_integer_value(eos) >= 0 &&
        json_integer_value(eos) <= INT32_MAX) {
        add_eos(d, (int32_t)json_integer_value(eos));
        return THORAX_OK;
    }
    if (!json_is_array(eos) || json_array_size(eos) > room)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: eos_token_id: expected an id or at most %zu of them", where, room);
    json_array_foreach(eos, i, id)
    {
        const json_int_t n = json_integer_value(id);
        if (!json_is_integer(id) || n < 0 || n > INT32_MAX)
            return thx_fail(err, THORAX_FORMAT, 0, "%s: eos_token_id: expected ids", where);
        add_eos(d, (int32_t)n);
    }
    return THORAX_OK;
}

static thorax_status read_values(thx_generation_defaults *d, const json_t *file, thorax_error *err)
{
    size_t        top_k;
    thorax_status st;

    if ((st = thx_json_real(&d->temperature, file, "temperature", NAN, 0, 1e6, where, err)))
        return st;
    if ((st = thx_json_real(&d->top_p, file, "top_p", NAN, 0, 1, where, err))) return st;
    if ((st = thx_json_real(&d->min_p, file, "min_p", NAN, 0, 1, where, err))) return st;
    if ((st = thx_json_real(&d->repetition_penalty, file, "repetition_penalty", NAN, 1e-6, 1e6,
                            where, err)))
        return st;
    if ((st = thx_json_size(&top_k, file, "top_k", SIZE_MAX, 0, INT32_MAX, where, err))) return st;
    d->top_k = top_k == SIZE_MAX ? -1 : (int32_t)top_k;
    return read_eos(d, file, err);
}

thorax_status thx_generation_read(thx_generation_defaults *out, const char *folder,
                                  const json_t *config, const thx_tokenizer *tokenizer,
                                  thorax_error *err)
{
    char         *path = thx_path_join(folder, where);
    json_t       *file = NULL;
    thorax_status st = THORAX_OK;

    *out = (thx_generation_defaults){
        .temperature = NAN, .top_p = NAN, .min_p = NAN, .repetition_penalty = NAN, .top_k = -1
    };
    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (thx_file_exists(path)) {
        st = thx_json_read(&file, path, (size_t)1 << 20, err);
        if (!st) st = read_values(out, file, err);
    }
    const json_t *text = json_object_get(config, "text_config");
    if (!st && !file && config) st = read_eos(out, json_is_object(text) ? text : config, err);
    if (!st && !out->n_eos && tokenizer) {
        add_eos(out, thx_tokenizer_id(tokenizer, "<|im_end|>"));
        add_eos(out, thx_tokenizer_id(tokenizer, "<|endoftext|>"));
    }
    json_decref(file);
    free(path);
    return st;
}
