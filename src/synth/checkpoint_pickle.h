/* Writing the structure of a PyTorch file: pickle of protocol 2, with the objects of state dicts. */
#ifndef THX_SYNTH_CHECKPOINT_PICKLE_H
#define THX_SYNTH_CHECKPOINT_PICKLE_H

#include "synth/checkpoint_plan.h"

enum { THX_PICKLE_WORDS = 64 };

/* What was written goes behind `out`. Objects take numbers in the order Python's own writer gives them, so that
 * words which occur again are called by number, as there. */
typedef struct thx_pickle {
    thx_string *out;
    uint32_t    numbers;
    size_t      n_words;
    struct { const char *text; uint32_t number; } words[THX_PICKLE_WORDS];
} thx_pickle;

void thx_pickle_begin(thx_pickle *p, thx_string *out);
void thx_pickle_end(thx_pickle *p);

void thx_pickle_text(thx_pickle *p, const char *text);
void thx_pickle_word(thx_pickle *p, const char *text); /* one that may occur again; must outlive p */
void thx_pickle_int(thx_pickle *p, uint64_t value);
void thx_pickle_real(thx_pickle *p, double value);
void thx_pickle_flag(thx_pickle *p, bool value);
void thx_pickle_none(thx_pickle *p);
void thx_pickle_tensor(thx_pickle *p, const thx_planned *t); /* its values are in data/PLACE */

/* Pairs of key and value follow, then close. */
void thx_pickle_dict(thx_pickle *p);
void thx_pickle_ordered_dict(thx_pickle *p);
void thx_pickle_dict_close(thx_pickle *p);

/* Items follow, then close. */
void thx_pickle_list(thx_pickle *p);
void thx_pickle_list_close(thx_pickle *p);

void thx_pickle_pair(thx_pickle *p); /* joins the last two objects to a tuple */
void thx_pickle_build(thx_pickle *p); /* the last object becomes the state of the one before */

/* {name: tensor} of a shard, what most files are. */
void thx_pickle_shard(thx_string *out, const thx_tensor_plan *plan, uint32_t shard);

#endif
