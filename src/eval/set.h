/* Sets of items in memory: predictions, with the references that belong to them. */
#ifndef THX_EVAL_SET_H
#define THX_EVAL_SET_H

#include "base/memory.h"
#include "eval/records.h"

typedef struct thx_eval_set {
    thx_arena        *arena;
    thx_eval_item    *items;   /* in the order of the files; strings live in the arena */
    const char      **files;   /* [n] the file of each item                            */
    size_t            n, room;
    thx_eval_problems problems;
    struct thx_eval_key *keys; /* sorted by task and id; valid once indexed            */
    size_t            n_keys;
} thx_eval_set;

/* THORAX_NOMEM. Deinit also after a failure. */
thorax_status thx_eval_set_init(thx_eval_set *set, thorax_error *err);
void          thx_eval_set_deinit(thx_eval_set *set);

/* Appends a copy; its texts too. THORAX_NOMEM. */
thorax_status thx_eval_set_add(thx_eval_set *set, const char *path, const thx_eval_item *item, thorax_error *err);

/* Appends all items of a file. Statuses of thx_eval_read. */
thorax_status thx_eval_set_read(thx_eval_set *set, const char *path, const thx_eval_reading *reading,
                                thorax_error *err);

/* Makes items findable. Of several with the same task and id the first that did not fail stays, the others are left out
 * and counted (an error line that was tried again is not counted). Call once all items are in. THORAX_NOMEM. */
thorax_status thx_eval_set_index(thx_eval_set *set, thorax_error *err);

/* The item with this task and id; NULL when there is none. A task that is "" on either side fits any. */
const thx_eval_item *thx_eval_set_find(const thx_eval_set *set, const char *task, const char *id);

/* Gives predictions what they lack (reference, labels, boxes, question, task) from records: by id, else by image (the
 * whole path, or that of a record joined to `folder`). Predictions without a record are counted in the set's problems,
 * so are records of tasks that occur in the set without a prediction. Both sets indexed. THORAX_NOMEM. */
thorax_status thx_eval_set_attach(thx_eval_set *set, const thx_eval_set *records, const char *folder,
                                  thorax_error *err);

#endif
