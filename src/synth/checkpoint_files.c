/* Texts that the layouts share; see checkpoint_files.h. */
#include "synth/checkpoint_files.h"

#include <inttypes.h>
#include <string.h>

#include "synth/checkpoint_stage.h"

void thx_put_escaped(thx_string *s, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') thx_string_printf(s, "\\%c", *c);
        else if ((unsigned char)*c < 0x20) thx_string_printf(s, "\\u%04x", (unsigned)(unsigned char)*c);
        else thx_string_add(s, c, 1);
    }
}

static const char *without_folder(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

void thx_checkpoint_index(thx_string *s, const thx_tensor_plan *plan)
{
    thx_string_printf(s, "{\n  \"metadata\": {\n    \"total_size\": %" PRIu64 "\n  },\n  \"weight_map\": {",
                      plan->bytes);
    for (size_t i = 0; i < plan->count; i++) {
        char file[64];

        thx_tensor_plan_file(file, plan, plan->by_name[i]->shard);
        thx_string_printf(s, "%s\n    \"%s\": \"%s\"", i ? "," : "", plan->by_name[i]->name, without_folder(file));
    }
    thx_string_puts(s, "\n  }\n}\n");
}

static const char *dtype_option(thx_type type)
{
    return type == THX_F16 ? "f16" : type == THX_BF16 ? "bf16" : "f32";
}

void thx_put_readme(thx_string *s, const thx_checkpoint *c)
{
    const thx_checkpoint_options *o = c->options;

    thx_string_puts(s, THX_CHECKPOINT_MARK);
    thx_string_puts(s,
        "\nThis folder has the layout and the sizes of a chest X-ray model, but its weights are random numbers:\n"
        "it has learned nothing, and what it says about a film means nothing. It serves tests and benchmarks.\n\n");
    thx_string_printf(s, "    thorax synth model --arch %s --seed %" PRIu64, c->sizes.name, o->seed);
    if (!c->sizes.layout->fixed_types) thx_string_printf(s, " --dtype %s", dtype_option(c->type));
    if (o->outlier_channels) thx_string_printf(s, " --outliers %u", o->outlier_channels);
    if (o->layers_vision) thx_string_printf(s, " --layers-vision %u", o->layers_vision);
    if (o->layers_text) thx_string_printf(s, " --layers-text %u", o->layers_text);
    if (o->shard_bytes) thx_string_printf(s, " --shard-bytes %" PRIu64, o->shard_bytes);
    if (o->tokenizer_folder) thx_string_puts(s, " --tokenizer DIR");
    thx_string_printf(s, "\n\n%zu tensors, %" PRIu64 " values, %" PRIu64 " bytes.\n", c->count, c->values, c->bytes);
}

void thx_checkpoint_shard_header(thx_string *s, const thx_tensor_plan *plan, uint32_t shard)
{
    thx_string_puts(s, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < plan->count; i++) {
        const thx_planned *t = &plan->tensors[i];

        if (t->shard != shard) continue;
        thx_string_printf(s, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name, thx_type_name(t->type));
        for (uint32_t d = 0; d < t->rank; d++) thx_string_printf(s, "%s%" PRIu64, d ? "," : "", t->shape[d]);
        thx_string_printf(s, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", t->begin, t->end);
    }
    thx_string_puts(s, "}");
    while (s->size % 8 && !s->failed) thx_string_puts(s, " ");
}
