/* What a CLIP text tower's texts go through before they are split into pieces. */
#ifndef THX_TEXT_CLEAN_H
#define THX_TEXT_CLEAN_H

#include "base/string.h"

/* Appends the text with HTML references resolved twice (numbers, and the names reports have: those of
 * Latin-1, dashes, quotes, signs of comparison), curly quotes straight, ligatures apart and full-width
 * forms in ASCII, as open_clip's tokenizer does before it (basic_clean). Wrongly decoded text is not
 * repaired; white space stays, since WordPiece does not see it. Bytes that are not UTF-8 stay too. A failed
 * append shows in out->failed. */
void thx_text_clean(thx_string *out, const char *text, size_t size);

#endif
