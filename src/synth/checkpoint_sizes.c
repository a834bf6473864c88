/* The known architectures, and what the options make of them; see checkpoint_plan.h. */
#include <stdio.h>
#include <string.h>

#include "synth/checkpoint_plan.h"

static const thx_checkpoint_sizes known[] = {
    { .name = "radvlm-7b", .layout = &thx_layout_onevision,
      .d = 1152, .h = 16, .f = 4304, .l = 26, .P = 27 * 27, .image_px = 384,
      .D = 3584, .H = 28, .G = 4, .F = 18944, .L = 28, .V = 152128, .entries = 151643,
      .sliding_window = 131072, .shard_bytes = 5000000000 },
    { .name = "llava-onevision-0.5b", .layout = &thx_layout_onevision,
      .d = 1152, .h = 16, .f = 4304, .l = 26, .P = 27 * 27, .image_px = 384,
      .D = 896, .H = 14, .G = 2, .F = 4864, .L = 24, .V = 152000, .entries = 151643,
      .sliding_window = 32768, .tied = true, .shard_bytes = 5000000000 },
    { .name = "llava-rad-7b", .layout = &thx_layout_rad,
      .d = 768, .h = 12, .f = 3072, .l = 12, .P = 1 + 37 * 37, .image_px = 518,
      .D = 4096, .H = 32, .G = 32, .F = 11008, .L = 32, .V = 32000, .entries = 32000, .R = 64, .alpha = 128,
      .clip = { .width = 768, .layers = 12, .words = 30522, .positions = 512, .middle = 640, .joint = 512 },
      .shard_bytes = 10000000000 },
    /* The structure of radvlm-7b: 72 wide heads in the tower, odd ratios, shards, unused rows. */
    { .name = "tiny", .layout = &thx_layout_onevision,
      .d = 216, .h = 3, .f = 304, .l = 2, .P = 27 * 27, .image_px = 384,
      .D = 320, .H = 5, .G = 1, .F = 608, .L = 2, .V = 2112, .entries = 2000, .shard_bytes = 2250000 },
    /* The structure of llava-rad-7b: an adapter, shards, a training checkpoint, a picture of 9 x 9 patches. */
    { .name = "llava-rad-tiny", .layout = &thx_layout_rad,
      .d = 96, .h = 3, .f = 384, .l = 4, .P = 1 + 9 * 9, .image_px = 126,
      .D = 320, .H = 5, .G = 5, .F = 608, .L = 3, .V = 2304, .entries = 2304, .R = 8, .alpha = 16,
      .clip = { .width = 128, .layers = 2, .words = 408, .positions = 512, .middle = 96, .joint = 64 },
      .shard_bytes = 6000000 },
};

enum { KNOWN = sizeof known / sizeof known[0] };

static const char *const names[] = { "radvlm-7b", "llava-onevision-0.5b", "llava-rad-7b", "tiny", "llava-rad-tiny",
                                     NULL };
_Static_assert(sizeof names / sizeof names[0] == KNOWN + 1, "a name for each architecture");

const char *const *thx_checkpoint_archs(void) { return names; }

thx_checkpoint_options thx_checkpoint_options_default(void)
{
    return (thx_checkpoint_options){ .arch = "radvlm-7b", .dtype = "f16" };
}

static thorax_status type_of(thx_type *type, const char *dtype, thorax_error *err)
{
    if (!dtype || !strcmp(dtype, "f16")) *type = THX_F16;
    else if (!strcmp(dtype, "bf16")) *type = THX_BF16;
    else if (!strcmp(dtype, "f32")) *type = THX_F32;
    else return thx_fail(err, THORAX_USAGE, 0, "expected f16, bf16 or f32 as dtype, found %.40s", dtype);
    return THORAX_OK;
}

static thorax_status fewer_layers(uint32_t *layers, uint32_t wanted, const char *what, thorax_error *err)
{
    if (wanted > *layers)
        return thx_fail(err, THORAX_USAGE, 0, "expected 1 to %u %s layers, found %u", *layers, what, wanted);
    if (wanted) *layers = wanted;
    return THORAX_OK;
}

static thorax_status unknown_arch(const char *arch, thorax_error *err)
{
    char   list[128];
    size_t at = 0;

    for (size_t i = 0; i < KNOWN; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? i + 1 < KNOWN ? ", " : " or " : "", names[i]);
    return thx_fail(err, THORAX_USAGE, 0, "expected %s as arch, found %.40s", list, arch ? arch : "nothing");
}

thorax_status thx_checkpoint_init(thx_checkpoint *out, const thx_checkpoint_options *o, thorax_error *err)
{
    const thx_checkpoint_sizes *found = NULL;
    thx_checkpoint_sizes       *s = &out->sizes;

    for (size_t i = 0; i < KNOWN; i++)
        if (o->arch && !strcmp(o->arch, known[i].name)) found = &known[i];
    if (!found) return unknown_arch(o->arch, err);
    *out = (thx_checkpoint){ .options = o, .sizes = *found };
    thorax_status st = type_of(&out->type, o->dtype, err);
    if (!st && s->layout->fixed_types && out->type != THX_F16)
        st = thx_fail(err, THORAX_USAGE, 0, "%s has the published types: expected f16 as dtype, found %s", s->name,
                      o->dtype);
    if (!st) st = fewer_layers(&s->l, o->layers_vision, "vision", err);
    if (!st) st = fewer_layers(&s->L, o->layers_text, "text", err);
    if (st) return st;
    if (o->outlier_channels > s->d / 8)
        return thx_fail(err, THORAX_USAGE, 0, "expected at most %u outlier channels, found %u", s->d / 8,
                        o->outlier_channels);
    if (o->shard_bytes) s->shard_bytes = o->shard_bytes;
    else if (out->type == THX_F32 && s->shard_bytes < 5000000000) s->shard_bytes *= 2;
    return THORAX_OK;
}
