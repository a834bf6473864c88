/* Little-endian numbers at any address, and text that is checked before it is shown. */
#ifndef THX_WEIGHTS_BYTES_H
#define THX_WEIGHTS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t thx_le(const unsigned char *p, int bytes)
{
    uint64_t x = 0;

    for (int i = bytes - 1; i >= 0; i--) x = x << 8 | p[i];
    return x;
}

static inline uint16_t thx_le16(const unsigned char *p) { return (uint16_t)thx_le(p, 2); }
static inline uint32_t thx_le32(const unsigned char *p) { return (uint32_t)thx_le(p, 4); }
static inline uint64_t thx_le64(const unsigned char *p) { return thx_le(p, 8); }

/* Strict UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool thx_is_utf8(const unsigned char *text, size_t size);

#endif
