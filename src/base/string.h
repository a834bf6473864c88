/* A string that grows: text is appended, the owner frees it once. */
#ifndef THX_BASE_STRING_H
#define THX_BASE_STRING_H

#include "base/error.h"

/* `data` always ends with a 0 byte once something was appended. Start from {0}.
 * When memory runs out `failed` is set and later appends do nothing. */
typedef struct thx_string { char *data; size_t size, room; bool failed; } thx_string;

void thx_string_add(thx_string *s, const char *text, size_t size);
void thx_string_puts(thx_string *s, const char *text);
void thx_string_printf(thx_string *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void thx_string_deinit(thx_string *s);

/* Room for `more` bytes behind the text and a 0; who writes them there adds them to s->size. False without memory. */
bool thx_string_reserve(thx_string *s, size_t more);

/* The text itself, owned by the caller from now on; NULL if an append failed. */
char *thx_string_take(thx_string *s);

/* Is `word` one of the words of a list, which `by` parts? A list that is NULL has none. */
bool thx_list_has(const char *list, char by, const char *word);

#endif
