/* radvlm-geometry: sizes.json, from [width, height] to all of the geometry, for two releases. */
#include "golden.h"

#include "prep/prep.h"

#include <stdio.h>
#include <string.h>

static bool read_recipe(thx_recipe *r, const json_t *config)
{
    const json_t *list = json_object_get(config, "pinpoints"), *pair;
    size_t        i;

    *r = (thx_recipe){ .tile_px = golden_number(config, "image_size"),
                       .patch_px = golden_number(config, "patch_size"),
                       .mean = { 0.5, 0.5, 0.5 },
                       .std = { 0.5, 0.5, 0.5 },
                       .rescale = 1.0 / 255.0 };
    if (json_array_size(list) > THX_PINPOINTS_MAX) return false;
    json_array_foreach(list, i, pair) {
        r->pinpoints[i][0] = (uint32_t)json_integer_value(json_array_get(pair, 0));
        r->pinpoints[i][1] = (uint32_t)json_integer_value(json_array_get(pair, 1));
    }
    r->n_pinpoints = (uint32_t)json_array_size(list);
    return sscanf(golden_text(config, "aspect"), "anyres_max_%u", &r->max_patches) == 1;
}

/* True when the array says the same numbers; an array that is not there says nothing. */
static bool same(const json_t *object, const char *key, const uint32_t *got, size_t n)
{
    const json_t *want = json_object_get(object, key);

    if (!want) return true;
    for (size_t i = 0; i < n; i++)
        if (json_integer_value(json_array_get(want, i)) != got[i]) return false;
    return json_array_size(want) == n;
}

static void check_size(golden *g, const json_t *size, const json_t *mode, const char *mode_name,
                       const thx_recipe *r)
{
    const uint32_t width =
        (uint32_t)json_integer_value(json_array_get(json_object_get(size, "size"), 0));
    const uint32_t height =
        (uint32_t)json_integer_value(json_array_get(json_object_get(size, "size"), 1));
    thx_geometry   p;
    thorax_error   err;

    if (thx_geometry_plan(&p, r, width, height, &err)) {
        golden_check(g, false, golden_text(size, "config"), "%ux%u %s: %s", width, height,
                     mode_name, err.text);
        return;
    }
    const bool ok = same(size, "best", p.best, 2) && same(size, "resized", p.resized, 2) &&
                    same(size, "grid", p.grid, 2) && same(size, "patches", p.patches, 2) &&
                    same(mode, "pad", p.pad, 4) && same(mode, "unpadded", p.unpadded, 2) &&
                    same(mode, "final", p.final, 2) &&
                    golden_number(mode, "image_tokens") == p.image_tokens;
    golden_check(g, ok, golden_text(size, "config"), "%ux%u %s: %u image tokens, expected %u",
                 width, height, mode_name, p.image_tokens, golden_number(mode, "image_tokens"));
}

void golden_geometry(golden *g)
{
    static const struct {
        const char *name;
        thx_compat compat;
    } modes[] = { { "pil", THX_COMPAT_CURRENT }, { "446", THX_COMPAT_446 } };
    json_t       *root = golden_json(g, "sizes.json");
    const json_t *size;
    size_t        i;

    json_array_foreach(json_object_get(root, "sizes"), i, size) {
        const json_t *config =
            json_object_get(json_object_get(root, "configs"), golden_text(size, "config"));
        thx_recipe    r;
        for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
            const json_t *mode = json_object_get(size, modes[m].name);
            if (!mode) continue;
            if (!read_recipe(&r, config)) {
                golden_check(g, false, golden_text(size, "config"), "no such recipe");
                continue;
            }
            r.compat = modes[m].compat;
            check_size(g, size, mode, modes[m].name, &r);
        }
    }
    json_decref(root);
}
