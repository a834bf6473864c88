/* Added tokens: strings that stand for one id wherever they occur in a text that is parsed for
 * them. Found leftmost and longest, with a tree over their bytes. */
#ifndef THX_TEXT_ADDED_H
#define THX_TEXT_ADDED_H

#include "base/error.h"

enum { THX_ADDED_MAX_BYTES = 256 }; /* longer ones are refused: each byte is searched that far */

typedef struct thx_added_node {
    int32_t id;
    uint32_t child, next;
    unsigned char byte;
} thx_added_node;
typedef struct thx_added {
    thx_added_node *nodes;
    size_t n, room;
} thx_added; /* node 0 is the root; start from {0} */

/* THORAX_FORMAT (without a file name): too long, or there already under another id.
 * THORAX_NOMEM. */
thorax_status thx_added_add(thx_added *a, const char *token, size_t size, int32_t id,
                            thorax_error *err);
void          thx_added_deinit(thx_added *a);

/* The id of exactly this string; -1. */
int32_t thx_added_find(const thx_added *a, const char *token, size_t size);

/* The first token in text [size] from byte `at`: its id, *begin and *end; -1 when there is none. */
int32_t thx_added_next(const thx_added *a, const char *text, size_t size, size_t at, size_t *begin,
                       size_t *end);

#endif
