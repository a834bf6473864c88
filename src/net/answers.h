/* Kept answers: replies of chat services in a folder, a file an answer, so that a run can go on where it ended and be
 * repeated for nothing.
 *
 * A file's name is the key, a hash of address, model, settings and messages (thx_chat_key). It is written under
 * another name and renamed, so processes may share a folder: the last of two writers wins, and both wrote the same
 * question's answer. A file that is torn or not what its name says is removed and counts as absent.
 * Answers may quote reports: the folder is made with mode 0700 (one that is there keeps its mode), files have 0600.
 * Questions, keys and addresses are not in it. */
#ifndef THX_NET_ANSWERS_H
#define THX_NET_ANSWERS_H

#include "base/error.h"

/* One kept answer. */
typedef struct thx_kept {
    char    *text;          /* owned by who got it from `load`; borrowed by `store` */
    bool     cut;           /* ended by the limit of tokens                         */
    uint64_t prompt_tokens, completion_tokens;
    char     model[64];     /* the name the service gave itself                     */
} thx_kept;

/* Makes the folder where it is not there. THORAX_IO; THORAX_NOMEM. */
thorax_status thx_answers_make(const char *folder, thorax_error *err);

/* *found says whether there is one; then the caller frees out->text. `key` is 64 hex digits. THORAX_NOMEM. What cannot
 * be read counts as absent. */
thorax_status thx_answers_load(thx_kept *out, bool *found, const char *folder, const char *key, thorax_error *err);

/* THORAX_IO: cannot be written; THORAX_NOMEM. */
thorax_status thx_answers_store(const char *folder, const char *key, const thx_kept *answer, thorax_error *err);

void thx_answers_remove(const char *folder, const char *key);

/* Reads the bytes of a file of that key, without the file; false: torn, or another's. The caller frees out->text. */
bool thx_answers_read(thx_kept *out, const char *key, const char *data, size_t size);

#endif
