/* From samples to the 8-bit picture a model sees, by a named profile.
 *
 *   pillow    what Pillow's convert("RGB") gives: 16-bit grey is cut at 255 (a normal 16-bit film
 * turns white), 16-bit colour or grey with alpha keeps its high byte, alpha is dropped, CMYK
 * becomes (255 - C)(255 - K) / 255, rounded display   the same for 8-bit films; 16-bit ones are
 * stretched: the darkest sample becomes 0, the brightest 255, between them the nearest step, half
 * rounds up; a constant film becomes 0 */
#include "film/film.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

bool thx_profile_parse(thx_profile *out, const char *name)
{
    for (thx_profile p = THX_PROFILE_DISPLAY; p <= THX_PROFILE_PILLOW; p++)
        if (!strcmp(name, thx_profile_name(p))) {
            *out = p;
            return true;
        }
    return false;
}

const char *thx_profile_name(thx_profile p)
{
    return p == THX_PROFILE_PILLOW ? "pillow" : "display";
}

enum { LEVELS = 1 << 16 };

/* Fills table[low..high] with the stretch of the film's own range, taken over the `shown` first of
 * its channels (alpha stays out of it); other entries are never asked for. */
static void make_stretch(unsigned char table[LEVELS], const thx_film *f, size_t shown)
{
    const uint16_t *in = f->samples;
    const size_t    n = (size_t)f->width * f->height;
    uint32_t        low = UINT16_MAX, high = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < shown; c++) {
            const uint32_t v = in[i * f->channels + c];
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    const uint32_t range = high - low;
    for (uint32_t v = low; v <= high; v++)
        table[v] = range ? (unsigned char)(((v - low) * 255 + range / 2) / range) : 0;
}

static void make_pillow(unsigned char table[LEVELS], thx_layout layout)
{
    for (uint32_t v = 0; v < LEVELS; v++)
        table[v] = (unsigned char)(layout != THX_GREY ? v >> 8 : v < 255 ? v : 255);
}

static void render_16(unsigned char *out, const thx_film *f, size_t shown, thx_profile profile)
{
    const uint16_t *in = f->samples;
    const size_t    n = (size_t)f->width * f->height;
    unsigned char   table[LEVELS];

    if (profile == THX_PROFILE_DISPLAY) make_stretch(table, f, shown);
    else make_pillow(table, f->layout);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < shown; c++) out[i * shown + c] = table[in[i * f->channels + c]];
}

static void render_8(unsigned char *out, const thx_film *f, size_t shown)
{
    const unsigned char *in = f->samples;
    const size_t         n = (size_t)f->width * f->height;

    if (shown == f->channels) {
        memcpy(out, in, n * shown);
        return;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < shown; c++) out[i * shown + c] = in[i * f->channels + c];
}

/* Product of two shares of 255, rounded. */
static uint32_t share(uint32_t a, uint32_t b) { return (a * b + 127) / 255; }

static void render_cmyk(unsigned char *out, const thx_film *f)
{
    const unsigned char *in = f->samples;
    const size_t         n = (size_t)f->width * f->height;

    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            out[i * 3 + c] = (unsigned char)share(255u - in[i * 4 + c], 255u - in[i * 4 + 3]);
}

thorax_status thx_film_render(thx_picture *out, const thx_film *film, thx_profile profile,
                              thorax_error *err)
{
    const bool   grey = film->layout == THX_GREY || film->layout == THX_GREY_ALPHA;
    const size_t shown = grey ? 1 : 3;
    size_t       bytes;

    *out = (thx_picture){ 0 };
    if (film->layout == THX_CMYK && film->sample_bytes != 1)
        return thx_fail(err, THORAX_FILM, 0, "CMYK samples of 16 bits are not shown");
    if (!thx_mul_size(&bytes, film->width, film->height) || !thx_mul_size(&bytes, bytes, shown) ||
        !(out->data = malloc(bytes)))
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a picture of %ux%u pixels",
                        film->width, film->height);
    out->width = film->width;
    out->height = film->height;
    out->channels = (uint32_t)shown;
    if (film->layout == THX_CMYK) render_cmyk(out->data, film);
    else if (film->sample_bytes == 2) render_16(out->data, film, shown, profile);
    else render_8(out->data, film, shown);
    return THORAX_OK;
}

void thx_picture_deinit(thx_picture *p)
{
    free(p->data);
    *p = (thx_picture){ 0 };
}
