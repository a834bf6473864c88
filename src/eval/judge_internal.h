/* What the files of the judges share: the table of judges, and a run while it goes on. */
#ifndef THX_EVAL_JUDGE_INTERNAL_H
#define THX_EVAL_JUDGE_INTERNAL_H

#include "eval/judge.h"
#include "base/string.h"

typedef struct thx_judge_run_state thx_judge_run_state;

typedef struct thx_judge {
    const char *name, *metric;
    double      temperature, top_p;   /* as its authors ask; < 0: not sent               */
    uint32_t    max_tokens;
    /* What an item lacks that the prompt needs, in a few words; NULL: nothing. */
    const char *(*lacks)(const thx_judge_item *item);
    const char *(*system)(void);      /* the system turn; NULL: none                     */
    /* Appends the user's turn. */
    void (*prompt)(thx_string *out, const thx_judge_run_state *run, const thx_judge_item *item);
    /* Fills score and counts from a reply of any bytes; false: it is no rating. */
    bool (*read)(thx_judge_record *out, const thx_judge_run_state *run, const char *reply, size_t size);
} thx_judge;

extern const thx_judge thx_judge_green, thx_judge_chexprompt, thx_judge_radvlm;

/* A run: what it works with, and its result. */
struct thx_judge_run_state {
    const thx_judge         *judge;
    const thx_judge_options *options;
    const thx_judge_item    *items;
    const char              *examples;      /* of chexprompt; "" for none                   */
    bool                     any_text;      /* green: every text is a rating, as published  */
    thx_chat_options         chat;          /* with the settings that count                 */
    size_t                  *asked, n_asked; /* the items that lack nothing                  */
    thx_judge_result        *result;
    const thx_progress      *progress;
};

thorax_status thx_judge_by_service(thx_judge_run_state *run, thorax_error *err);
thorax_status thx_judge_by_engine(thx_judge_run_state *run, thorax_error *err);

/* Reads a reply into the record of item i; false: it is no rating. */
bool thx_judge_take(thx_judge_run_state *run, size_t i, const char *reply);

/* The record of item i is a failure; `detail` may be NULL. */
void thx_judge_fail(thx_judge_run_state *run, size_t i, thx_chat_state state, const char *detail);

#endif
