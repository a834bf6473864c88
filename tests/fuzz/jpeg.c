/* JPEG films: decoded under small limits, shown, and resized to a thumbnail. */
#include "film/film.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const thx_film_limits limits = { .file_bytes = 1 << 20, .side_px = 2048, .pixels = 1 << 18 };
    thx_film             *film;
    thx_picture           picture, small;

    if (thx_film_decode(&film, data, size, "fuzz", &limits, NULL)) return 0;
    if ((uint64_t)film->width * film->height > limits.pixels) abort();
    if (!thx_film_render(&picture, film, THX_PROFILE_DISPLAY, NULL)) {
        if (!thx_picture_resize(&small, &picture, 5, 7, THX_BICUBIC, NULL)) thx_picture_deinit(&small);
        thx_picture_deinit(&picture);
    }
    thx_film_close(film);
    return 0;
}
