/* CheXprompt: a language model counts errors of six kinds, significant and not. Prompts and the reading of replies.
 *
 * Method: CheXprompt (Microsoft, MIT licence; docs/licences.md), commit 8cfddec: prompts byte for byte. Its five
 * examples hold text of credentialed reports; they are not here: they come from the user's own copy of the public
 * source, and are checked by their SHA-256. Without them the figure is another one. */
#ifndef THX_METRICS_CHEXPROMPT_H
#define THX_METRICS_CHEXPROMPT_H

#include "base/string.h"

/* Kinds of errors, A–F: false finding, omission, location, severity, false comparison, omitted one. */
enum { THX_CHEXPROMPT_KINDS = 6 };

/* The system turn, and the SHA-256 of the block of examples (3,465 bytes). */
extern const char *const thx_chexprompt_system, *const thx_chexprompt_examples_sha256;

/* The names of the kinds in published ratings: "false_positive_finding" … */
extern const char *const thx_chexprompt_names[THX_CHEXPROMPT_KINDS];

/* Appends the user's turn. Texts go in as they are, each once; `examples` as read from the file, "" for none. A failed
 * append shows in out->failed. */
void thx_chexprompt_user(thx_string *out, const char *examples, const char *reference, const char *candidate);

typedef struct thx_chexprompt_counts {
    uint32_t significant[THX_CHEXPROMPT_KINDS], insignificant[THX_CHEXPROMPT_KINDS];
} thx_chexprompt_counts;

/* Reads a reply [size] of any bytes; false: it is no rating. Both lists must be there, in either kind of brackets, each
 * with the six letters once and a number of at most six digits; what follows "Explanation" is not read. Of a label that
 * comes again the last one counts, as in the original, which takes shorter lists and other letters too. */
bool thx_chexprompt_parse(thx_chexprompt_counts *out, const char *reply, size_t size);

#endif
