/* SHA-256 by Nettle: names films, tensors and prompts in results. */
#ifndef THX_BASE_HASH_H
#define THX_BASE_HASH_H

#include <stddef.h>

#include <nettle/sha2.h>

typedef struct thx_sha256 { struct sha256_ctx ctx; } thx_sha256;

void thx_sha256_init(thx_sha256 *h);
void thx_sha256_add(thx_sha256 *h, const void *data, size_t size);
void thx_sha256_end(thx_sha256 *h, char hex[65]); /* 64 lower-case digits and a 0 */
void thx_sha256_of(const void *data, size_t size, char hex[65]);

#endif
