/* A text in a text that may hold zeros. */
#ifndef THX_METRICS_FIND_H
#define THX_METRICS_FIND_H

#include <stddef.h>
#include <string.h>

/* Where `what` stands first in text [size]; NULL: nowhere. */
static inline const char *thx_find(const char *text, size_t size, const char *what)
{
    const size_t n = strlen(what);

    for (const char *at; size >= n && (at = memchr(text, *what, size - n + 1));
         size -= (size_t)(at + 1 - text), text = at + 1)
        if (!memcmp(at, what, n)) return at;
    return NULL;
}

#endif
