/* UTF-8, code point by code point, and Unicode normalisation form C.
 *
 * What is not UTF-8 is replaced as Python and Rust do it: one U+FFFD for every maximal
 * subpart, that is for the longest beginning of a character that the next byte breaks off. */
#ifndef THX_TEXT_UTF8_H
#define THX_TEXT_UTF8_H

#include "base/string.h"

/* The character at s [n > 0]: its length 1..4 and *c; 0 when all n bytes are the beginning of
 * one; else minus the length of the maximal subpart. */
int thx_utf8_next(const unsigned char *s, size_t n, uint32_t *c);

/* Writes a code point, 1..4 bytes. */
size_t thx_utf8_put(char out[4], uint32_t c);

bool thx_utf8_valid(const char *text, size_t size);

/* White space by Python's str.isspace, the same as \s: not U+200B, not U+FEFF. */
bool thx_char_is_space(uint32_t c);

/* Bytes of white space at the beginning and the end of valid UTF-8 text [size], by Python's
 * str.strip. */
size_t thx_blanks_before(const char *text, size_t size);
size_t thx_blanks_behind(const char *text, size_t size);

/* The same by Unicode's White_Space, which lacks U+001C to U+001F. */
size_t thx_spaces_before(const char *text, size_t size);
size_t thx_spaces_behind(const char *text, size_t size);

/* Appends text [size], repaired. */
void thx_utf8_repair(thx_string *out, const char *text, size_t size);

/* Does valid UTF-8 text [size] lie in a range that form C leaves alone? */
bool thx_nfc_is_plain(const char *text, size_t size);

/* Appends valid UTF-8 text [size] in form C, in time that grows linearly, however many marks
 * stand on one letter. THORAX_NOMEM. */
thorax_status thx_nfc(thx_string *out, const char *text, size_t size, thorax_error *err);

#endif
