/* SHA-256; see hash.h. */
#include "base/hash.h"

void thx_sha256_init(thx_sha256 *h) { sha256_init(&h->ctx); }

void thx_sha256_add(thx_sha256 *h, const void *data, size_t size) { sha256_update(&h->ctx, size, data); }

void thx_sha256_end(thx_sha256 *h, char hex[65])
{
    unsigned char digest[SHA256_DIGEST_SIZE];

    sha256_digest(&h->ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = 0;
}

void thx_sha256_of(const void *data, size_t size, char hex[65])
{
    thx_sha256 h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, data, size);
    thx_sha256_end(&h, hex);
}
