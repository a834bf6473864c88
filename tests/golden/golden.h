/* What a set of golden cases is checked with; see main.c. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One set while it is being checked. */
typedef struct golden {
    const char *set, *folder;   /* name of the set, its path */
    const char *root;           /* folder of all sets; what films are named from lies above it */
    const char *program;        /* thorax, or NULL where it was not built */
    unsigned    passed, failed;
} golden;

/* Prints "set/case: text ok" or "… FAILED" and counts it; returns ok. */
bool golden_check(golden *g, bool ok, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "folder/name" in one of four static buffers. */
const char *golden_path(const golden *g, const char *name);

/* The JSON object of a file of the set; NULL, counted as a failure, where it cannot be read. */
json_t *golden_json(golden *g, const char *name);

/* Members of a case: a whole number (0 where absent), a text ("" where absent). */
uint32_t    golden_number(const json_t *object, const char *key);
const char *golden_text(const json_t *object, const char *key);

/* The sets, one function each; each makes a golden_check for everything it compares. */
void golden_bertscore(golden *g);
void golden_chexbert(golden *g);
void golden_clip(golden *g);
void golden_encoder(golden *g);
void golden_geometry(golden *g);
void golden_judge(golden *g);
void golden_pickle(golden *g);
void golden_radcliq(golden *g);
void golden_radgraph(golden *g);
void golden_ratescore(golden *g);
void golden_resize(golden *g);
void golden_sampling(golden *g);
void golden_wbf(golden *g);

#endif
