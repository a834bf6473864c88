/* What a pickled PyTorch state says, read without running any of it.
 *
 * A pickle is a program for a small stack machine that may call any Python function. Here the machine knows the
 * opcodes that plain data and tensors need (protocols 2 to 5) and the few names below; every other name stands for
 * an opaque value that swallows what is done to it. The result is a graph of values, numbered from 1, in which
 * containers hold chains of items. It may contain itself: who walks over it bounds the walk. */
#ifndef THX_WEIGHTS_PICKLE_H
#define THX_WEIGHTS_PICKLE_H

#include "ops/types.h"

typedef enum thx_pickle_kind {
    THX_PICKLE_NONE, THX_PICKLE_FALSE, THX_PICKLE_TRUE,
    THX_PICKLE_INT,     /* number                                                                */
    THX_PICKLE_LONG,    /* an integer beyond 64 bits: its bytes, little-endian                   */
    THX_PICKLE_REAL,    /* its value is not kept                                                 */
    THX_PICKLE_TEXT,    /* UTF-8, in the bytes of the pickle; may hold 0 bytes                   */
    THX_PICKLE_TUPLE, THX_PICKLE_LIST,
    THX_PICKLE_DICT,    /* items: key, value, key, value, ...                                    */
    THX_PICKLE_SET,     /* empty                                                                 */
    THX_PICKLE_GLOBAL,  /* one of the names that are known; number: which, see thx_pickle_storage_type */
    THX_PICKLE_STORAGE, /* items: those of the tuple that names it                               */
    THX_PICKLE_TENSOR,  /* items: the arguments of _rebuild_tensor_v2, unchecked                 */
    THX_PICKLE_OPAQUE,  /* text: the name it was made by                                         */
} thx_pickle_kind;

typedef struct thx_pickle_value {
    thx_pickle_kind kind;
    bool     ordered; /* DICT: an OrderedDict                                           */
    bool     tensors; /* TUPLE, OPAQUE: a storage or a tensor went into it; OPAQUE: it is named as what makes one */
    uint32_t first, last; /* its chain of items; 0 = none                               */
    size_t   count;   /* items of the chain (a dict has two for each key); bytes of text */
    union { int64_t number; const unsigned char *text; };
} thx_pickle_value;

typedef struct thx_pickle_item { uint32_t value, next; } thx_pickle_item;

typedef struct thx_pickle {
    thx_pickle_value *values; /* [0] is not used */
    thx_pickle_item  *items;  /* [0] is not used */
    uint32_t n_values, n_items, values_room, items_room;
    uint32_t root;            /* what the pickle holds */
} thx_pickle;

/* Reads one pickle from the beginning of `data`, which must stay: texts point into it. *used receives the bytes up
 * to its end. `where` ("FILE: data.pkl") stands before error texts, `at` is added to their offsets. Memory is a
 * small multiple of `size`.
 *
 * THORAX_FORMAT: an opcode that is not known, a stack, mark or memo place that is not there, text that is no UTF-8,
 * an end before STOP, a call or a change of what allows none. THORAX_LIMIT: more than a million values, stack places
 * or memo places, two million items. THORAX_NOMEM. On failure *out is empty; else the caller deinits it. */
thorax_status thx_pickle_read(thx_pickle *out, size_t *used, const unsigned char *data, size_t size, uint64_t at,
                              const char *where, thorax_error *err);
void          thx_pickle_deinit(thx_pickle *p);

/* The element type of a GLOBAL that names a storage type; THX_TYPES for all other values. */
thx_type thx_pickle_storage_type(const thx_pickle_value *v);

/* The items of a chain, at most `room`; returns how many there are. */
size_t thx_pickle_items(const thx_pickle_value **out, size_t room, const thx_pickle *p, const thx_pickle_value *v);

/* Whether a tensor needs gradients, and its hooks: what the last arguments of both functions are. */
static inline bool thx_pickle_is_grad(const thx_pickle_value *needed, const thx_pickle_value *hooks)
{
    return (needed->kind == THX_PICKLE_TRUE || needed->kind == THX_PICKLE_FALSE) &&
           (hooks->kind == THX_PICKLE_DICT || hooks->kind == THX_PICKLE_NONE);
}

static inline bool thx_pickle_is_text(const thx_pickle_value *v, const char *text)
{
    const size_t size = __builtin_strlen(text);
    return v->kind == THX_PICKLE_TEXT && v->count == size && !__builtin_memcmp(v->text, text, size);
}

#endif
