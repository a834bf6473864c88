/* Records and predictions in files: what is scored, and what it is scored against.
 *
 * Five kinds of files give the same items:
 *   lines of JSON   the project's own records (docs/evaluation.md), the lines of `thorax batch` and `thorax eval run`,
 *                   and {"prediction", "reference"} of LLaVA-Rad
 *   a JSON array    RadVLM's results: objects with output, txt, answer, labels, boxes
 *   CSV             columns by name, quoted as RFC 4180 says
 *   two text files  predictions and references, one a line
 * NaN and infinities, which Python writes into JSON, count as absent values.
 *
 * A file is mapped and read item by item; nothing of one item outlives the call that hands it over. What cannot be
 * read is counted and named by file and line, never by its text, and the rest goes on. Files are untrusted. */
#ifndef THX_EVAL_RECORDS_H
#define THX_EVAL_RECORDS_H

#include "base/error.h"
#include "base/string.h"
#include "text/text.h"

/* ---- Items ---- */

/* Corners as shares of the film's width and height; `label` is "" and `score` NaN where the file has none. */
typedef struct thx_eval_box { double x1, y1, x2, y2, score; const char *label; } thx_eval_box;

/* What a file says of a finding. Blank: not mentioned, which evaluations take for absent. */
typedef enum thx_eval_mention {
    THX_EVAL_BLANK = -1, THX_EVAL_NO = 0, THX_EVAL_YES = 1, THX_EVAL_UNCERTAIN = 2
} thx_eval_mention;

typedef struct thx_eval_item {
    const char *id;                       /* "#12" (the twelfth item of its file) where the file has none           */
    const char *image;                    /* as the file has it; NULL: none                                         */
    const char *task;                     /* "report", "classify", "ground", "phrase", "ask" …; "" where not said   */
    const char *question;                 /* NULL: none                                                             */
    const char *phrase;                   /* what is looked for; NULL: none                                         */
    const char *prediction, *reference;   /* NULL: missing; "" is an empty text                                     */
    const thx_message *turns;             /* of a conversation                                                      */
    size_t      n_turns;
    const char *const *answers;           /* the model's own, one a user's turn                                     */
    size_t      n_answers;
    bool        has_labels;               /* the reference's findings                                               */
    signed char labels[THX_FINDINGS];     /* thx_eval_mention                                                       */
    bool        has_findings;             /* the prediction's own, beside its text                                  */
    signed char findings[THX_FINDINGS];
    bool        has_scores;
    double      scores[THX_FINDINGS];     /* NaN where there is none                                                */
    bool        has_boxes, has_found;     /* boxes of the reference, and those of the prediction beside its text    */
    const thx_eval_box *boxes, *found;
    size_t      n_boxes, n_found;
    bool        failed;                   /* an error line: the prediction was tried, and there is none             */
    size_t      line;                     /* where it begins in its file, from 1                                    */
} thx_eval_item;

/* ---- What was wrong ---- */
enum { THX_EVAL_NOTES = 20 }; /* lines that are named; the others are counted */

typedef struct thx_eval_problems {
    size_t     lines;             /* items that could not be read                         */
    size_t     labels;            /* names of findings that are not among the 14          */
    size_t     boxes;             /* boxes that are not four numbers                      */
    size_t     odd_boxes;         /* boxes outside the film or reversed; used as they are */
    size_t     values;            /* NaN, infinities                                      */
    size_t     twice;             /* items whose id and task came before                  */
    size_t     unequal;           /* lines of one file without a partner in the other     */
    size_t     unmatched;         /* predictions without a record, records without prediction */
    size_t     noted;
    thx_string notes;             /* "FILE: line N: what", one a line                     */
} thx_eval_problems;

/* Counts in `count` (one of the members) and, where there is room, notes "FILE: line N: what". */
void   thx_eval_note(thx_eval_problems *p, size_t *count, const char *path, size_t line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
size_t thx_eval_problems_all(const thx_eval_problems *p);
void   thx_eval_problems_deinit(thx_eval_problems *p);

/* ---- Reading ---- */
typedef enum thx_eval_format {
    THX_EVAL_AUTO,
    THX_EVAL_JSONL,
    THX_EVAL_ARRAY,
    THX_EVAL_CSV,
    THX_EVAL_LINES
} thx_eval_format;

typedef struct thx_eval_reading {
    thx_eval_format format;       /* AUTO: by the name (.csv, .tsv, .txt) and the first character                  */
    const char     *columns;      /* CSV: "prediction=Column A,reference=Column B"; NULL: the usual names          */
    const char     *references;   /* the second file of LINES; NULL: predictions alone                             */
    const char     *predictions;  /* key or column to score, instead of the usual ones; NULL                       */
} thx_eval_reading;

/* Gets one item, borrowed for the call; a status other than OK ends the reading with it. */
typedef thorax_status thx_eval_take(void *data, const thx_eval_item *item, thorax_error *err);

/* Reads all items of a file in their order. `reading` NULL: defaults.
 * THORAX_IO: missing, or not a regular file; THORAX_FORMAT: not of its kind at all (no item can be read, a CSV file
 * without the columns wanted); THORAX_NOMEM; else what `take` returns. */
thorax_status thx_eval_read(const char *path, const thx_eval_reading *reading, thx_eval_take *take, void *data,
                            thx_eval_problems *problems, thorax_error *err);

/* The same from memory (borrowed), `name` stands in messages. AUTO goes by content alone. */
thorax_status thx_eval_read_text(const char *text, size_t size, const char *name, const thx_eval_reading *reading,
                                 thx_eval_take *take, void *data, thx_eval_problems *problems, thorax_error *err);

/* Outside 0..1, reversed or empty. */
bool thx_eval_box_is_odd(double x1, double y1, double x2, double y2);

/* The index of a finding among the 14, by its name in any case; -1: none. */
int thx_eval_finding(const char *name);

#endif
