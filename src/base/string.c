/* A string that grows; see string.h. */
#include "base/string.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool thx_string_reserve(thx_string *s, size_t more)
{
    if (s->failed) return false;
    if (s->room - s->size > more) return true;
    size_t room = s->room ? s->room : 64;
    while (room - s->size <= more) {
        if (room > SIZE_MAX / 2) { s->failed = true; return false; }
        room *= 2;
    }
    char *data = realloc(s->data, room);
    if (!data) { s->failed = true; return false; }
    s->data = data;
    s->room = room;
    return true;
}

void thx_string_add(thx_string *s, const char *text, size_t size)
{
    if (!thx_string_reserve(s, size)) return;
    if (size) memcpy(s->data + s->size, text, size);
    s->size += size;
    s->data[s->size] = 0;
}

void thx_string_puts(thx_string *s, const char *text) { thx_string_add(s, text, strlen(text)); }

void thx_string_printf(thx_string *s, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) s->failed = true;
    else if (thx_string_reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->size, (size_t)n + 1, format, again);
        s->size += (size_t)n;
    }
    va_end(again);
}

void thx_string_deinit(thx_string *s)
{
    free(s->data);
    *s = (thx_string){ 0 };
}

char *thx_string_take(thx_string *s)
{
    thx_string_add(s, "", 0);
    char *data = s->failed ? NULL : s->data;
    if (s->failed) free(s->data);
    *s = (thx_string){ 0 };
    return data;
}

bool thx_list_has(const char *list, char by, const char *word)
{
    const char   parts[2] = { by, 0 };
    const size_t size = strlen(word);

    for (const char *p = list; p && *p;) {
        const size_t n = strcspn(p, parts);
        if (n == size && !memcmp(p, word, n)) return true;
        p += n + (p[n] == by);
    }
    return false;
}
