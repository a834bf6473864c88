/* The arena; see memory.h. Blocks form a list: full ones below, the current one
 * on top, emptied ones kept above it for reuse. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
enum { GAP = 64 }; /* poisoned bytes after every piece */
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { GAP = 0 };
#endif

enum { ALIGN = 64 };

typedef struct block {
    struct block *below, *above;
    size_t        size, used;
    unsigned char *data;
} block;

struct thx_arena {
    block *first, *current;
    size_t block_bytes, bytes, peak;
};

thorax_status thx_arena_open(thx_arena **out, size_t block_bytes, thorax_error *err)
{
    thx_arena *arena = calloc(1, sizeof *arena);

    *out = arena;
    if (!arena) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    arena->block_bytes = block_bytes ? block_bytes : (size_t)1 << 20;
    return THORAX_OK;
}

void thx_arena_close(thx_arena *arena)
{
    if (!arena) return;
    for (block *b = arena->first; b;) {
        block *next = b->above;
        UNPOISON(b->data, b->size);
        free(b->data);
        free(b);
        b = next;
    }
    free(arena);
}

static block *block_add(thx_arena *arena, size_t need)
{
    size_t size = need > arena->block_bytes ? need : arena->block_bytes;
    block *b;

    if (!thx_add_size(&size, size, ALIGN - 1)) return NULL;
    size &= ~(size_t)(ALIGN - 1);
    b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->data = aligned_alloc(ALIGN, size);
    if (!b->data) { free(b); return NULL; }
    b->size = size;
    POISON(b->data, size);
    b->below = arena->current;
    if (arena->current) {
        b->above = arena->current->above;
        if (b->above) b->above->below = b;
        arena->current->above = b;
    } else {
        b->above = arena->first;
        if (b->above) b->above->below = b;
        arena->first = b;
    }
    arena->bytes += size;
    if (arena->bytes > arena->peak) arena->peak = arena->bytes;
    return b;
}

void *thx_arena_alloc(thx_arena *arena, size_t count, size_t size)
{
    size_t bytes, padded;

    if (!thx_mul_size(&bytes, count, size)) return NULL;
    if (!thx_add_size(&padded, bytes, ALIGN - 1 + GAP)) return NULL;
    padded &= ~(size_t)(ALIGN - 1);
    if (!padded) padded = ALIGN;

    block *b = arena->current;
    if (!b || b->size - b->used < padded) {
        block *next = b ? b->above : arena->first;
        if (next && next->size >= padded) b = next;
        else b = block_add(arena, padded);
        if (!b) return NULL;
        b->used = 0;
        arena->current = b;
    }
    unsigned char *p = b->data + b->used;
    b->used += padded;
    UNPOISON(p, bytes);
    return p;
}

void *thx_arena_zalloc(thx_arena *arena, size_t count, size_t size)
{
    void *p = thx_arena_alloc(arena, count, size);
    if (p) memset(p, 0, count * size);
    return p;
}

char *thx_arena_strdup(thx_arena *arena, const char *text)
{
    const size_t n = strlen(text) + 1;
    char *p = thx_arena_alloc(arena, n, 1);
    if (p) memcpy(p, text, n);
    return p;
}

thx_arena_mark thx_arena_get_mark(const thx_arena *arena)
{
    return (thx_arena_mark){ .block = arena->current, .used = arena->current ? arena->current->used : 0 };
}

void thx_arena_release(thx_arena *arena, thx_arena_mark mark)
{
    block *b = mark.block;

    for (block *x = b ? b->above : arena->first; x; x = x->above) {
        x->used = 0;
        POISON(x->data, x->size);
    }
    arena->current = b;
    if (b) {
        b->used = mark.used;
        POISON(b->data + b->used, b->size - b->used);
    }
}

void thx_arena_trim(thx_arena *arena)
{
    block *last = arena->current;

    for (block *b = last ? last->above : arena->first; b;) {
        block *next = b->above;
        UNPOISON(b->data, b->size);
        arena->bytes -= b->size;
        free(b->data);
        free(b);
        b = next;
    }
    if (last) last->above = NULL;
    else arena->first = NULL;
}

size_t thx_arena_bytes(const thx_arena *arena) { return arena->bytes; }
size_t thx_arena_peak_bytes(const thx_arena *arena) { return arena->peak; }
