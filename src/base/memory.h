/* Checked sizes and the arena.
 *
 * An arena hands out pieces of a few large blocks and gives them back all at
 * once, or down to a mark. Pieces are 64-byte aligned, so that kernels may use
 * aligned vector loads. One arena belongs to one thread at a time. */
#ifndef THX_BASE_MEMORY_H
#define THX_BASE_MEMORY_H

#include "base/error.h"

/* a*b, a+b without wrap-around; false when the result does not fit. */
static inline bool thx_mul_size(size_t *out, size_t a, size_t b) { return !__builtin_mul_overflow(a, b, out); }
static inline bool thx_add_size(size_t *out, size_t a, size_t b) { return !__builtin_add_overflow(a, b, out); }

typedef struct thx_arena thx_arena;
typedef struct thx_arena_mark { void *block; size_t used; } thx_arena_mark;

/* `block_bytes` is the least a new block takes from the system (0 = 1 MiB). */
thorax_status thx_arena_open(thx_arena **out, size_t block_bytes, thorax_error *err);
void          thx_arena_close(thx_arena *arena);

/* count*size bytes, zeroed by `zalloc`; NULL when memory or the limit runs out. */
void *thx_arena_alloc(thx_arena *arena, size_t count, size_t size);
void *thx_arena_zalloc(thx_arena *arena, size_t count, size_t size);
char *thx_arena_strdup(thx_arena *arena, const char *text);

/* Everything taken after `mark` is given back by `release`. Blocks are kept for reuse. */
thx_arena_mark thx_arena_get_mark(const thx_arena *arena);
void           thx_arena_release(thx_arena *arena, thx_arena_mark mark);

/* Gives blocks that hold nothing back to the system. */
void thx_arena_trim(thx_arena *arena);

/* Bytes taken from the system now, and at most so far. */
size_t thx_arena_bytes(const thx_arena *arena);
size_t thx_arena_peak_bytes(const thx_arena *arena);

#endif
