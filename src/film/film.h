/* Films: a file becomes samples, samples become the picture a model sees.
 *
 * A film keeps the decoded samples as stored (1 to 16 bit, widened to 8 or 16) and where they
 * came from. A profile makes the 8-bit picture: `display` (16-bit films by their minimum and
 * maximum, 8-bit ones as they are) or `pillow` (exactly Pillow's convert("RGB"), clipping too). */
#ifndef THX_FILM_FILM_H
#define THX_FILM_FILM_H

#include "base/error.h"

typedef enum thx_layout {
    THX_GREY = 1,
    THX_GREY_ALPHA = 2,
    THX_RGB = 3,
    THX_RGBA = 4,
    THX_CMYK = 5
} thx_layout;

typedef struct thx_film {
    uint32_t   width, height;   /* pixels                                          */
    thx_layout layout;
    uint32_t   channels;        /* samples a pixel: 1, 2, 3, 4, 4                  */
    uint32_t   bits;            /* of a stored sample: 1, 2, 4, 8, 16              */
    uint32_t   sample_bytes;    /* 1 or 2 (host order)                             */
    void      *samples;         /* [height, width, channels], owned                */
    char       format[96];      /* "PNG gray", "JPEG progressive, 3 components …"  */
    char       decoded[24];     /* "gray8", "gray16le", "rgb8", "cmyk8" …          */
    char       sha256[65];      /* of the samples, little endian                   */
} thx_film;

typedef struct thx_film_limits {
    uint64_t file_bytes; /* default 512 MiB      */
    uint32_t side_px;    /* default 32768        */
    uint64_t pixels;     /* default 256 Mi       */
} thx_film_limits;

/* Decodes PNG or JPEG, told apart by content, never by name. `limits` NULL = defaults.
 * THORAX_IO; THORAX_FILM (not a film, damaged, truncated, beyond a limit; the text names the file,
 * the limit and what was found); THORAX_NOMEM. *out is NULL after a failure. */
thorax_status thx_film_open(thx_film **out, const char *path, const thx_film_limits *limits,
                            thorax_error *err);
/* The same from memory; `name` stands in messages. */
thorax_status thx_film_decode(thx_film **out, const void *data, size_t size, const char *name,
                              const thx_film_limits *limits, thorax_error *err);
/* From samples the caller has (copied): sample_bytes 1 or 2, layout as above. */
thorax_status thx_film_from_samples(thx_film **out, const void *samples, uint32_t width,
                                    uint32_t height, thx_layout layout, uint32_t sample_bytes,
                                    const thx_film_limits *limits, thorax_error *err);
void          thx_film_close(thx_film *film);

typedef enum thx_profile { THX_PROFILE_DISPLAY, THX_PROFILE_PILLOW } thx_profile;
bool        thx_profile_parse(thx_profile *out, const char *name);
const char *thx_profile_name(thx_profile p);

/* The 8-bit picture of a film; channels is 1 where R = G = B everywhere by construction. */
typedef struct thx_picture {
    uint32_t       width, height, channels; /* 1 or 3 */
    unsigned char *data;                    /* [height, width, channels], owned */
} thx_picture;

thorax_status thx_film_render(thx_picture *out, const thx_film *film, thx_profile profile,
                              thorax_error *err);
void          thx_picture_deinit(thx_picture *p);

/* Writes a picture as PNG (1 or 3 channels), atomically. THORAX_IO. */
thorax_status thx_picture_write_png(const thx_picture *p, const char *path, thorax_error *err);
/* Writes grey samples of 16 bits (host order) as 16-bit PNG. */
thorax_status thx_png_write_grey16(const uint16_t *samples, uint32_t width, uint32_t height,
                                   const char *path, thorax_error *err);

/* Resampling exactly as Pillow 13 does it for 8-bit pictures (bicubic a = -0.5, or Lanczos 3;
 * antialiased, 22-bit fixed point, each pass rounded to bytes; src/libImaging/Resample.c). The
 * result is the same for any number of threads. *out is empty after a failure. THORAX_USAGE (a side
 * of 0, 2 channels); THORAX_NOMEM. */
typedef enum thx_filter { THX_BICUBIC, THX_LANCZOS } thx_filter;
thorax_status thx_picture_resize(thx_picture *out, const thx_picture *in, uint32_t width,
                                 uint32_t height, thx_filter filter, thorax_error *err);

#endif
