/* The split of a text into words, by the regular expression that a tokenizer.json carries.
 *
 * The original runs it with Oniguruma, we with PCRE2: constructs that mean something else there
 * are rewritten (\s) or refused by name. Matching has a limit per word; the published pattern of
 * Qwen2 stays linear on any text. */
#ifndef THX_TEXT_SPLIT_H
#define THX_TEXT_SPLIT_H

#include "base/error.h"

/* Qwen2's published pattern, for folders that do not carry one, and GPT-2's, which ByteLevel means by use_regex. */
extern const char *const thx_split_qwen2, *const thx_split_gpt2;

/* GPT-2's, which the component ByteLevel of a tokenizer.json stands for. */
extern const char *const thx_split_gpt2;

typedef struct thx_split thx_split;

/* THORAX_FORMAT: a pattern that cannot be compiled or uses what is not known. THORAX_NOMEM. */
thorax_status thx_split_open(thx_split **out, const char *pattern, thorax_error *err);
void          thx_split_close(thx_split *s);

typedef thorax_status thx_split_word(void *data, const char *word, size_t size, thorax_error *err);

/* Calls `word` for each part of text [size], which is UTF-8, matched or between matches, in order.
 * Thread-safe. THORAX_LIMIT: the pattern takes too long on this text. THORAX_NOMEM; what `word`
 * returns. */
thorax_status thx_split_run(const thx_split *s, const char *text, size_t size, thx_split_word *word,
                            void *data, thorax_error *err);

#endif
