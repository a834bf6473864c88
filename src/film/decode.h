/* Between the parts of this room: one decoder per file format, behind film.h. */
#ifndef THX_FILM_DECODE_H
#define THX_FILM_DECODE_H

#include "film/film.h"

/* A whole file in memory, and how to speak of it. */
typedef struct thx_film_file {
    const unsigned char *data;
    size_t               size;
    const char          *name;
    thx_film_limits      limits;
} thx_film_file;

/* Each fills width, height, layout, channels, bits, sample_bytes, samples and format of a zeroed
 * film; samples may be set after a failure too and then belong to the caller all the same. */
thorax_status thx_png_decode(thx_film *film, const thx_film_file *file, thorax_error *err);
thorax_status thx_jpeg_decode(thx_film *film, const thx_film_file *file, thorax_error *err);

/* THORAX_FILM when a film of this size has no pixels or is beyond a limit. */
thorax_status thx_film_check_size(const thx_film_file *file, uint64_t width, uint64_t height,
                                  thorax_error *err);

/* Takes the memory for film->samples from its size, channels and sample_bytes. */
thorax_status thx_film_take_samples(thx_film *film, const char *name, thorax_error *err);

#endif
