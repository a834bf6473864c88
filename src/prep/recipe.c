/* Recipes from a model folder's JSON files; see recipe.h.
 *
 * Whatever the files ask for that would change a pixel and is not what tiles.c does is refused by
 * name: a recipe that is quietly wrong gives answers that are quietly wrong. Keys that change
 * nothing for one film (do_pad pads batches; do_convert_rgb: films are always shown as RGB) are not
 * looked at. */
#include "prep/recipe.h"

#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_BYTES_MAX = 4 << 20,
    DEFAULT_TILE_PX = 384, DEFAULT_PATCH_PX = 14, DEFAULT_TILES_A_SIDE = 6, DEFAULT_MAX_PATCHES = 9,
    RESAMPLE_BICUBIC = 3, /* of Pillow's numbers */
};

static const double clip_mean[3] = { 0.48145466, 0.4578275, 0.40821073 };
static const double clip_std[3] = { 0.26862954, 0.26130258, 0.27577711 };

/* A processor's settings and the file they came from. */
typedef struct source { const json_t *settings; const char *path; } source;

static thorax_status refuse(const source *s, const char *key, const char *want, thorax_error *err)
{
    const json_t *found = json_object_get(s->settings, key);
    char         *text = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    thx_fail(err, THORAX_MODEL, 0, "%s: %s: expected %s, found %.60s", s->path, key, want,
             text ? text : "nothing");
    free(text);
    return THORAX_MODEL;
}

static bool absent(const json_t *value) { return !value || json_is_null(value); }

/* A whole number from 1 to 2^20; 0 when it is not one. */
static uint32_t whole(const json_t *value)
{
    const json_int_t v = json_is_integer(value) ? json_integer_value(value) : 0;

    return v > 0 && v <= 1 << 20 ? (uint32_t)v : 0;
}

/* Three numbers, or one for all channels. */
static bool read_triple(double out[3], const json_t *value)
{
    for (size_t c = 0; c < 3; c++) {
        const json_t *v = json_is_array(value) ? json_array_get(value, c) : value;
        out[c] = json_number_value(v);
        if (!json_is_number(v) || !isfinite(out[c])) return false;
    }
    return !json_is_array(value) || json_array_size(value) == 3;
}

/* Mean and deviation under these keys; CLIP's where they are absent. */
static thorax_status read_spread(thx_recipe *r, const source *s, const char *mean_key, const char *std_key,
                                 thorax_error *err)
{
    const json_t *mean = json_object_get(s->settings, mean_key), *std = json_object_get(s->settings, std_key);

    memcpy(r->mean, clip_mean, sizeof r->mean);
    memcpy(r->std, clip_std, sizeof r->std);
    if (!absent(mean) && !read_triple(r->mean, mean)) return refuse(s, mean_key, "three numbers", err);
    if (!absent(std) && !read_triple(r->std, std)) return refuse(s, std_key, "three numbers", err);
    for (int c = 0; c < 3; c++)
        if (!(r->std[c] > 0)) return refuse(s, std_key, "numbers above 0", err);
    return THORAX_OK;
}

static thorax_status read_levels(thx_recipe *r, const source *s, thorax_error *err)
{
    const json_t       *factor = json_object_get(s->settings, "rescale_factor");
    const thorax_status st = read_spread(r, s, "image_mean", "image_std", err);

    if (st) return st;
    if (factor) {
        r->rescale = json_number_value(factor);
        if (!(r->rescale > 0) || !isfinite(r->rescale))
            return refuse(s, "rescale_factor", "a number above 0", err);
    }
    return THORAX_OK;
}

/* Steps that may be switched off in the reference and are always taken here. */
static thorax_status check_steps(const source *s, thorax_error *err)
{
    static const char *const steps[] = { "do_resize", "do_rescale", "do_normalize" };
    const json_t            *type = json_object_get(s->settings, "image_processor_type");
    const json_t            *resample = json_object_get(s->settings, "resample");
    static const char known[] = "LlavaOnevisionImageProcessor"; /* and …Fast, …Pil: same method */

    if (type &&
        (!json_is_string(type) || strncmp(json_string_value(type), known, sizeof known - 1)))
        return refuse(s, "image_processor_type", known, err);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const json_t *step = json_object_get(s->settings, steps[i]);
        if (step && !json_is_true(step)) return refuse(s, steps[i], "true", err);
    }
    if (resample &&
        (!json_is_integer(resample) || json_integer_value(resample) != RESAMPLE_BICUBIC))
        return refuse(s, "resample", "3 (bicubic)", err);
    return THORAX_OK;
}

/* {"height", "width"}, {"shortest_edge"} or a number: a square, the tile of the model. */
static thorax_status check_size(const thx_recipe *r, const source *s, thorax_error *err)
{
    const json_t *size = json_object_get(s->settings, "size");
    const json_t *edge = json_is_object(size) ? json_object_get(size, "shortest_edge") : size;
    uint32_t      height, width;
    char          want[80];

    if (absent(size)) {
        height = width = DEFAULT_TILE_PX;
    } else if (json_object_get(size, "height") && json_object_get(size, "width")) {
        height = whole(json_object_get(size, "height"));
        width = whole(json_object_get(size, "width"));
    } else {
        height = width = whole(edge);
    }
    if (height == r->tile_px && width == r->tile_px) return THORAX_OK;
    snprintf(want, sizeof want, "%ux%u as image_size in config.json", r->tile_px, r->tile_px);
    return refuse(s, "size", want, err);
}

static void default_pinpoints(thx_recipe *r)
{
    r->n_pinpoints = 0;
    for (uint32_t h = 1; h <= DEFAULT_TILES_A_SIDE; h++)
        for (uint32_t w = 1; w <= DEFAULT_TILES_A_SIDE; w++, r->n_pinpoints++) {
            r->pinpoints[r->n_pinpoints][0] = h * DEFAULT_TILE_PX;
            r->pinpoints[r->n_pinpoints][1] = w * DEFAULT_TILE_PX;
        }
}

/* The processor cuts by its own list, the model counts by config.json: the two must be one. */
static thorax_status check_pinpoints(const thx_recipe *r, const source *s, thorax_error *err)
{
    static const char key[] = "image_grid_pinpoints";
    const json_t     *list = json_object_get(s->settings, key), *pair;
    thx_recipe        own = { 0 };
    size_t            i;

    if (absent(list)) {
        default_pinpoints(&own);
    } else {
        if (!json_is_array(list) || !json_array_size(list) ||
            json_array_size(list) > THX_PINPOINTS_MAX)
            return refuse(s, key, "a list of up to 256 pairs", err);
        json_array_foreach(list, i, pair) {
            for (size_t k = 0; k < 2; k++)
                if (json_array_size(pair) != 2 ||
                    !(own.pinpoints[i][k] = whole(json_array_get(pair, k))))
                    return refuse(s, key, "pairs of height and width", err);
        }
        own.n_pinpoints = (uint32_t)json_array_size(list);
    }
    if (own.n_pinpoints == r->n_pinpoints &&
        !memcmp(own.pinpoints, r->pinpoints, sizeof own.pinpoints))
        return THORAX_OK;
    return thx_fail(err, THORAX_MODEL, 0,
                    "%s: %s differs from the list in config.json (%u and %u resolutions)", s->path,
                    key, own.n_pinpoints, r->n_pinpoints);
}

/* What config.json says, or the class defaults; whether it can be done at all. */
static thorax_status take_hints(thx_recipe *r, const thx_recipe_hints *hints, const char *folder,
                                thorax_error *err)
{
    static const thx_recipe_hints none = { 0 };

    if (!hints) hints = &none;
    *r = (thx_recipe){ .tile_px = hints->tile_px ? hints->tile_px : DEFAULT_TILE_PX,
                       .patch_px = hints->patch_px ? hints->patch_px : DEFAULT_PATCH_PX,
                       .max_patches = hints->max_patches ? hints->max_patches : DEFAULT_MAX_PATCHES,
                       .mean = { 0.5, 0.5, 0.5 },
                       .std = { 0.5, 0.5, 0.5 },
                       .rescale = 1.0 / 255.0 };
    default_pinpoints(r);
    if (hints->n_pinpoints > THX_PINPOINTS_MAX)
        return thx_fail(err, THORAX_MODEL, 0, "%s: %u resolutions, the limit is %d", folder,
                        hints->n_pinpoints, THX_PINPOINTS_MAX);
    if (hints->n_pinpoints) {
        r->n_pinpoints = hints->n_pinpoints;
        memset(r->pinpoints, 0, sizeof r->pinpoints);
        memcpy(r->pinpoints, hints->pinpoints, r->n_pinpoints * sizeof r->pinpoints[0]);
    }
    for (uint32_t i = 0; i < r->n_pinpoints; i++)
        for (int k = 0; k < 2; k++) {
            const uint32_t side = r->pinpoints[i][k];
            if (!side || side % r->tile_px || side / r->tile_px > THX_TILES_A_SIDE_MAX)
                return thx_fail(
                    err, THORAX_MODEL, 0,
                    "%s: resolution %ux%u: expected multiples of %u, up to %d tiles a side", folder,
                    r->pinpoints[i][0], r->pinpoints[i][1], r->tile_px, THX_TILES_A_SIDE_MAX);
        }
    return THORAX_OK;
}

static thorax_status read_settings(thx_recipe *r, const source *s, thorax_error *err)
{
    thorax_status st;

    if (!json_is_object(s->settings))
        return thx_fail(err, THORAX_MODEL, 0,
                        "%s: expected an object with the image processor's settings", s->path);
    if ((st = check_steps(s, err))) return st;
    if ((st = check_size(r, s, err))) return st;
    if ((st = check_pinpoints(r, s, err))) return st;
    return read_levels(r, s, err);
}

/* Loads a JSON object; *out is NULL, without an error, where there is no such file. */
static thorax_status load(json_t **out, const char *path, thorax_error *err)
{
    *out = NULL;
    if (!thx_file_exists(path)) return THORAX_OK;
    const thorax_status st = thx_json_read(out, path, FILE_BYTES_MAX, err);
    if (st != THORAX_FORMAT && st != THORAX_LIMIT) return st;
    if (err) err->status = THORAX_MODEL; /* a folder with such a file is not a model */
    return THORAX_MODEL;
}

/* Reads the file of this name if it is there and has settings, at its top or under `member`. */
static thorax_status read_file(thx_recipe *r, bool *found, const char *folder, const char *name,
                               const char *member, thorax_error *err)
{
    char         *path = thx_path_join(folder, name);
    json_t       *root = NULL;
    thorax_status st =
        path ? load(&root, path, err) : thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);

    if (!st && root) {
        const json_t *settings = member ? json_object_get(root, member) : root;
        *found = !absent(settings) || !member;
        if (*found) st = read_settings(r, &(source){ settings, path }, err);
    }
    json_decref(root);
    free(path);
    return st;
}

thorax_status thx_recipe_read(thx_recipe *out, const char *folder, const thx_recipe_hints *hints,
                              thorax_error *err)
{
    thx_recipe    r;
    bool          found = false;
    thorax_status st = take_hints(&r, hints, folder, err);

    *out = (thx_recipe){ 0 };
    if (!st) st = read_file(&r, &found, folder, "preprocessor_config.json", NULL, err);
    if (!st && !found)
        st = read_file(&r, &found, folder, "processor_config.json", "image_processor", err);
    if (!st) *out = r;
    return st;
}

/* ---- open_clip ---- */

/* Settings with one value that is implemented; absent or null: that value is open_clip's default. */
static thorax_status check_open_clip(const source *s, thorax_error *err)
{
    static const struct { const char *key, *want; } fixed[] = {
        { "mode", "RGB" }, { "interpolation", "bicubic" }, { "resize_mode", "shortest" },
    };

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        const json_t *value = json_object_get(s->settings, fixed[i].key);
        const char   *text = json_string_value(value);
        if (!absent(value) && (!text || strcmp(text, fixed[i].want)))
            return refuse(s, fixed[i].key, fixed[i].want, err);
    }
    return THORAX_OK;
}

thorax_status thx_recipe_open_clip(thx_recipe *out, const json_t *settings, const char *path, uint32_t tile_px,
                                   uint32_t patch_px, thorax_error *err)
{
    const source s = { settings, path };
    thx_recipe   r = { .kind = THX_RECIPE_CROP, .tile_px = tile_px, .patch_px = patch_px };

    *out = (thx_recipe){ 0 };
    if (!absent(settings) && !json_is_object(settings))
        return thx_fail(err, THORAX_MODEL, 0, "%s: preprocess_cfg: expected an object", path);
    thorax_status st = check_open_clip(&s, err);
    if (!st) st = read_spread(&r, &s, "mean", "std", err);
    if (!st) *out = r;
    return st;
}
