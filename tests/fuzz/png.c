/* PNG films: decoded under small limits as they are, and once more with all checksums made right,
 * so that damage gets past them; what decodes is shown under both profiles. */
#include "film/film.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIGNATURE_BYTES = 8, CHUNK_HEAD_BYTES = 8, CRC_BYTES = 4 };

static uint32_t read_32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int b = 0; b < 8; b++) c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void repair_checksums(uint8_t *p, size_t size)
{
    for (size_t at = SIGNATURE_BYTES; at + CHUNK_HEAD_BYTES + CRC_BYTES <= size;) {
        const size_t length = read_32(p + at);
        if (length > size - at - CHUNK_HEAD_BYTES - CRC_BYTES) return;
        const size_t   end = at + CHUNK_HEAD_BYTES + length;
        const uint32_t crc = crc32_of(p + at + 4, length + 4);
        for (int i = 0; i < CRC_BYTES; i++) p[end + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at = end + CRC_BYTES;
    }
}

static void decode(const uint8_t *data, size_t size)
{
    const thx_film_limits limits = { .file_bytes = 1 << 20, .side_px = 2048, .pixels = 1 << 18 };
    thx_film             *film;
    thx_picture           picture;

    if (thx_film_decode(&film, data, size, "fuzz", &limits, NULL)) return;
    if ((uint64_t)film->width * film->height > limits.pixels) abort();
    for (thx_profile p = THX_PROFILE_DISPLAY; p <= THX_PROFILE_PILLOW; p++)
        if (!thx_film_render(&picture, film, p, NULL)) thx_picture_deinit(&picture);
    thx_film_close(film);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    decode(data, size);
    if (copy && size) {
        memcpy(copy, data, size);
        repair_checksums(copy, size);
        decode(copy, size);
    }
    free(copy);
    return 0;
}
