/* Films of the public header: decoded, then shown by a profile; see thorax.h. */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 512 << 20, SIDE_PX = 32768, PIXELS = 268435456 };

thorax_film_options thorax_film_options_default(void)
{
    return (thorax_film_options){ .profile = "display",
                                  .max_file_bytes = FILE_BYTES,
                                  .max_side_px = SIDE_PX,
                                  .max_pixels = PIXELS };
}

/* A film with its name and profile, before there are samples. Limits of 0 are the defaults. */
static thorax_status film_begin(thorax_film **out, thx_film_limits *limits, const char *name,
                                const thorax_film_options *options, thorax_error *err)
{
    const thorax_film_options o = options ? *options : thorax_film_options_default();
    const char *profile = o.profile ? o.profile : "display";
    thx_profile parsed;

    *out = NULL;
    limits->file_bytes = o.max_file_bytes ? o.max_file_bytes : FILE_BYTES;
    limits->side_px = o.max_side_px ? o.max_side_px : SIDE_PX;
    limits->pixels = o.max_pixels ? o.max_pixels : PIXELS;
    if (!thx_profile_parse(&parsed, profile))
        return thx_fail(err, THORAX_USAGE, 0, "profile \"%.40s\": expected display or pillow",
                        profile);
    thorax_film *f = calloc(1, sizeof *f);
    if (f) f->name = strdup(name ? name : "film");
    if (!f || !f->name) {
        free(f);
        return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for a film", name ? name : "film");
    }
    f->profile = parsed;
    *out = f;
    return THORAX_OK;
}

/* Shows what was decoded, or gives everything back. */
static thorax_status film_end(thorax_film **out, thorax_film *f, thorax_status st,
                              thorax_error *err)
{
    if (!st) st = thx_film_render(&f->picture, f->film, f->profile, err);
    if (st) thorax_film_close(f);
    *out = st ? NULL : f;
    return st;
}

thorax_status thorax_film_open(thorax_film **out, const char *path,
                               const thorax_film_options *options, thorax_error *err)
{
    thx_film_limits limits;
    const thorax_status st = film_begin(out, &limits, path, options, err);

    if (st) return st;
    thorax_film *f = *out;
    return film_end(out, f, thx_film_open(&f->film, path, &limits, err), err);
}

thorax_status thorax_film_decode(thorax_film **out, const void *data, size_t size, const char *name,
                                 const thorax_film_options *options, thorax_error *err)
{
    thx_film_limits limits;
    const thorax_status st = film_begin(out, &limits, name, options, err);

    if (st) return st;
    thorax_film *f = *out;
    return film_end(out, f, thx_film_decode(&f->film, data, size, f->name, &limits, err), err);
}

thorax_status thorax_film_from_samples(thorax_film **out, const void *samples, uint32_t width,
                                       uint32_t height, uint32_t channels, uint32_t sample_bytes,
                                       const char *name, const thorax_film_options *options,
                                       thorax_error *err)
{
    const thx_layout layout = channels == 1 ? THX_GREY : channels == 3 ? THX_RGB : THX_RGBA;
    thx_film_limits limits;

    *out = NULL;
    if (channels != 1 && channels != 3 && channels != 4)
        return thx_fail(err, THORAX_USAGE, 0, "%u channels, expected 1, 3 or 4", channels);
    if (sample_bytes != 1 && sample_bytes != 2)
        return thx_fail(err, THORAX_USAGE, 0, "samples of %u bytes, expected 1 or 2", sample_bytes);
    const thorax_status st = film_begin(out, &limits, name, options, err);
    if (st) return st;
    thorax_film *f = *out;
    return film_end(
        out, f,
        thx_film_from_samples(&f->film, samples, width, height, layout, sample_bytes, &limits, err),
        err);
}

void thorax_film_close(thorax_film *film)
{
    if (!film) return;
    thx_picture_deinit(&film->picture);
    thx_film_close(film->film);
    free(film->name);
    free(film);
}

uint32_t thorax_film_width(const thorax_film *film) { return film->film->width; }
uint32_t thorax_film_height(const thorax_film *film) { return film->film->height; }
const char *thorax_film_sha256(const thorax_film *film) { return film->film->sha256; }
