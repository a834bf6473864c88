/* Drafts: guesses of the next ids, to be checked by the model in one pass.
 *
 * A drafter looks for what it wrote last in a corpus of answers (longest beginning first, the most
 * frequent continuation) and in its own prompt and answer. How many ids it dares to propose is decided by
 * what guesses were worth so far and by what a row more costs, so that it falls silent where guessing does not
 * pay. Ids that come out are those of one row a step.
 * Method: n-gram speculation (Saxena, "Prompt lookup decoding", 2023; Leviathan et al., 2023). */
#ifndef THX_ENGINE_DRAFT_H
#define THX_ENGINE_DRAFT_H

#include "text/text.h"

enum { THX_DRAFT_MOST = 15 /* ids of one proposal */ };

/* ---- A corpus of answers, one a line, as ids; read-only once open ---- */
typedef struct thx_corpus thx_corpus;

/* `end` is put behind every line; it is the id that ends an answer. THORAX_IO; THORAX_LIMIT: over 64 MiB;
 * THORAX_FORMAT: no line in it; THORAX_NOMEM. */
thorax_status thx_corpus_open(thx_corpus **out, const char *path, const thx_tokenizer *tokenizer, int32_t end, thorax_error *err);
void          thx_corpus_close(thx_corpus *c);

/* The most frequent id behind the longest end of ids [n] that the corpus knows; -1 = none. *share: how often it
 * was that one. Line beginnings count as an id of their own: n = 0 asks for the first id of a line. */
int32_t thx_corpus_next(const thx_corpus *c, const int32_t *ids, size_t n, double *share);

/* ---- A drafter, one an answer ---- */
typedef struct thx_draft_account {
    uint32_t passes;             /* steps of the answer                              */
    uint32_t proposed, accepted; /* guessed ids, and those the model said too        */
    double   row_cost;           /* what a further row adds to a step, as a share of a step of one row */
} thx_draft_account;

typedef struct thx_drafter {
    const thx_corpus *corpus;    /* may be NULL                                */
    thx_ids           seen;      /* text of the prompt, then the answer        */
    size_t            answer_at; /* where in `seen` the answer begins          */
    bool              on, failed;
    double            worth;     /* how often guesses were right, of late      */
    double            one_s;     /* seconds of a step of one row; 0 = not seen */
    thx_draft_account account;
} thx_drafter;

/* corpus may be NULL; it is borrowed. Off: proposes nothing. THORAX_NOMEM. */
thorax_status thx_drafter_init(thx_drafter *d, const thx_corpus *corpus, const thx_prompt *prompt, bool on, thorax_error *err);
void          thx_drafter_deinit(thx_drafter *d);

void   thx_drafter_see(thx_drafter *d, int32_t id);                          /* an id of the answer                 */
size_t thx_drafter_propose(thx_drafter *d, int32_t *out, size_t most);       /* guesses of what follows, perhaps 0  */
void   thx_drafter_judge(thx_drafter *d, size_t proposed, size_t accepted);  /* what became of them                 */
void   thx_drafter_time(thx_drafter *d, size_t rows, double seconds);        /* what a step of so many rows took    */

#endif
