/* SentencePiece's table of characters (precompiled_charsmap): what becomes of a text before it is cut into pieces,
 * NFKC and more. A double array over the bytes of what is replaced, whose leaves say where the replacement stands. */
#ifndef THX_TEXT_CHARSMAP_H
#define THX_TEXT_CHARSMAP_H

#include "base/string.h"

typedef struct thx_charsmap {
    uint32_t *units;
    size_t    n_units;
    char     *text; /* the replacements, each ended by a 0 */
    size_t    n_text;
} thx_charsmap; /* start from {0} */

/* Reads a table, which is copied. THORAX_FORMAT (without a file name): lengths that do not fit, replacements that
 * are not UTF-8; THORAX_NOMEM. */
thorax_status thx_charsmap_open(thx_charsmap *m, const void *data, size_t size, thorax_error *err);
void          thx_charsmap_close(thx_charsmap *m);

/* Appends valid UTF-8 text [size] as tokenizers' Precompiled leaves it: a grapheme of less than six bytes that
 * begins with something in the table is replaced as a whole by what stands for that, others character by character.
 * A failed append shows in out->failed. */
void thx_charsmap_put(const thx_charsmap *m, const char *text, size_t size, thx_string *out);

#endif
