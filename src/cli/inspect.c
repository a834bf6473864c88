/* Parts that the forms of `thorax inspect` share; see inspect.h. */
#include "cli/inspect.h"

#include "text/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_print_json(const cli_values *v, json_t *json)
{
    char *line = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(json);
    if (!line) return cli_fail_text(v, CLI_NO_MEMORY, "no memory for the JSON");
    puts(line);
    free(line);
    return CLI_OK;
}

json_t *cli_json_text(const char *text, size_t size)
{
    thx_string s = { 0 };

    thx_utf8_repair(&s, text, size);
    json_t *json = s.failed ? NULL : json_stringn(s.data ? s.data : "", s.size);
    thx_string_deinit(&s);
    return json;
}

json_t *cli_json_ids(const int32_t *ids, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_integer(ids[i]));
    return list;
}

thorax_status cli_picture_open_at(thx_picture *out, const cli_values *v, const char *path,
                                  thorax_error *err)
{
    const char *name = cli_text(v, CLI_PROFILE);
    thx_profile profile = THX_PROFILE_DISPLAY;
    thx_film *film;

    *out = (thx_picture){ 0 };
    if (name && !thx_profile_parse(&profile, name))
        return thx_fail(err, THORAX_USAGE, 0, "profile \"%.40s\" is not known", name);
    thorax_status st = thx_film_open(&film, path, NULL, err);
    if (!st) st = thx_film_render(out, film, profile, err);
    thx_film_close(film);
    return st;
}

thorax_status cli_picture_open(thx_picture *out, const cli_values *v, thorax_error *err)
{
    return cli_picture_open_at(out, v, cli_text(v, CLI_IMAGE), err);
}

thx_compat cli_compat(const cli_values *v)
{
    return cli_text(v, CLI_COMPAT) ? THX_COMPAT_446 : THX_COMPAT_CURRENT;
}

static thx_precision precision_of(const char *name)
{
    for (thx_precision p = THX_EXACT; name && thx_precision_name(p); p++)
        if (!strcmp(name, thx_precision_name(p))) return p;
    return THX_FAST;
}

int cli_cpu_level(const cli_values *v)
{
    const char *name = cli_text(v, CLI_CPU);

    for (int level = THX_CPU_REF; name && level <= THX_CPU_AMX; level++)
        if (!strcmp(name, thx_cpu_level_name(level))) return level;
    return -1;
}

thx_type cli_type(const cli_values *v)
{
    const char *name = cli_text(v, CLI_TYPE);

    return !name ? THX_F32 : !strcmp(name, "q8") ? THX_Q8 : THX_Q4;
}

static thx_lora_use lora_of(const char *name)
{
    if (!name || !strcmp(name, "merge")) return THX_LORA_MERGE;
    return strcmp(name, "keep") ? THX_LORA_OFF : THX_LORA_KEEP;
}

thx_model_options cli_model_options(const cli_values *v)
{
    return (thx_model_options){ .compat = cli_compat(v), .base = cli_text(v, CLI_BASE) };
}

thx_engine_options cli_engine_options(const cli_values *v)
{
    return (thx_engine_options){
        .precision = precision_of(cli_text(v, CLI_PRECISION)),
        .type = cli_type(v),
        .kv_bits = cli_text(v, CLI_KV_BITS) ? 8 : 0,
        .compat = cli_compat(v),
        .base = cli_text(v, CLI_BASE),
        .lora = lora_of(cli_text(v, CLI_LORA)),
        .merged_cache = cli_text(v, CLI_MERGED_CACHE),
        .threads = (int)cli_count(v, CLI_THREADS, 0),
        .cpu_level = cli_cpu_level(v),
        .ctx_tokens = (uint32_t)cli_count(v, CLI_CTX, 0),
        .mem_limit_bytes = cli_count(v, CLI_MEM_LIMIT, 0),
    };
}

thorax_status cli_engine_open(thx_engine **out, const cli_values *v, thorax_error *err)
{
    thx_engine_options o = cli_engine_options(v);

    o.cache_folder = cli_text(v, CLI_CACHE);
    o.cache_folder_bytes = cli_count(v, CLI_CACHE_LIMIT, thorax_model_options_default().cache_limit_bytes);
    return thx_engine_open(out, cli_text(v, CLI_MODEL), &o, err);
}
