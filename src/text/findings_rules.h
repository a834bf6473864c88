/* The rules of the findings reader, as data; findings.c says how they are applied.
 *
 * A pattern is a row of words, matched in one clause. A word may end in * (any ending) and may have
 * alternatives with |. Between words may stand:
 *   ~N   up to N words, no comma, none of thx_barrier_words
 *   %N   up to N words, commas included
 *   +    any number of words of thx_filler_words */
#ifndef THX_TEXT_FINDINGS_RULES_H
#define THX_TEXT_FINDINGS_RULES_H

#include "text/text.h"

enum {
    THX_F_ATELECTASIS,
    THX_F_CARDIOMEGALY,
    THX_F_CONSOLIDATION,
    THX_F_EDEMA,
    THX_F_MEDIASTINUM,
    THX_F_FRACTURE,
    THX_F_LESION,
    THX_F_OPACITY,
    THX_F_EFFUSION,
    THX_F_PLEURAL_OTHER,
    THX_F_PNEUMONIA,
    THX_F_PNEUMOTHORAX,
    THX_F_DEVICES,
    THX_F_NONE
};

/* What a pattern says of the findings in `mask` (bit 1 << THX_F_…) where nothing negates it. */
typedef struct thx_finding_rule {
    unsigned mask;
    bool absent;
    const char *pattern;
} thx_finding_rule;
extern const thx_finding_rule thx_finding_rules[];   /* ends with pattern NULL */

typedef enum thx_cue_kind {
    THX_CUE_NONE,
    THX_CUE_VOID, /* takes its words away from the other cues: "no change", "cannot be excluded" */
    THX_CUE_BEFORE, /* negates what follows it */
    THX_CUE_AFTER,  /* negates what precedes it */
    THX_CUE_AROUND, /* both: "no longer" */
    THX_CUE_SILENT, /* what follows is not said to be there or not: "evaluate for" */
    THX_CUE_STOP    /* no cue reaches over it: "except" */
} thx_cue_kind;
typedef struct thx_cue { thx_cue_kind kind; const char *pattern; } thx_cue;
/* Ends with pattern NULL; the first that matches at a word is taken. */
extern const thx_cue thx_cues[];

/* Word lists, each one word pattern with alternatives. */
extern const char thx_filler_words[];      /* may stand inside "no … abnormality" */
extern const char thx_boundary_words[];    /* begin another clause: but, however */
extern const char thx_verb_words[];        /* finite verbs */
extern const char thx_existence_words[];   /* after a verb: something is there, or not, no more */
extern const char thx_barrier_words[];     /* what follows them is said of another thing */
extern const char thx_size_words[];        /* begin the naming of a new finding: small, left */

#endif
