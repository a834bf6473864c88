/* What the readers of records share; see records.h. */
#ifndef THX_EVAL_RECORDS_INTERNAL_H
#define THX_EVAL_RECORDS_INTERNAL_H

#include "base/json.h"
#include "base/memory.h"
#include "eval/records.h"

/* A file while it is read: text is borrowed, `arena` holds what belongs to the current item. */
typedef struct eval_reader {
    const char             *path;
    const char             *text;
    size_t                  size;
    const thx_eval_reading *reading;
    thx_eval_take          *take;
    void                   *data;
    thx_eval_problems      *problems;
    thx_arena              *arena;
    size_t                  items;    /* tried so far, good or not */
    size_t                  read;     /* good ones                 */
} eval_reader;

/* An item with nothing in it but its id "#N" and line; NULL strings, NaN scores. THORAX_NOMEM. */
thorax_status eval_item_init(eval_reader *r, thx_eval_item *item, size_t line, thorax_error *err);
/* Hands an item over. */
thorax_status eval_item_give(eval_reader *r, const thx_eval_item *item, thorax_error *err);

/* One object of JSON text [size] that begins at `line`: an item, or a note. Statuses: those of `take`, THORAX_NOMEM. */
thorax_status eval_read_object(eval_reader *r, const char *text, size_t size, size_t line, thorax_error *err);

thorax_status eval_read_jsonl(eval_reader *r, thorax_error *err);
thorax_status eval_read_array(eval_reader *r, thorax_error *err);
thorax_status eval_read_csv(eval_reader *r, char separator, thorax_error *err);
/* `references`: text of the second file, NULL when there is none. */
thorax_status eval_read_lines(eval_reader *r, const char *references, size_t size, thorax_error *err);

/* Sets a finding by the name of a label; counts a name that is not known. `value`: what the file says. */
void eval_set_label(eval_reader *r, signed char labels[THX_FINDINGS], const char *name, thx_eval_mention value,
                    size_t line);
/* The mention that a number stands for: 1 yes, 0 no, -1 uncertain, NaN blank. */
thx_eval_mention eval_mention_of(double value);
/* Counts a box that lies outside the film or is reversed. */
void eval_check_box(eval_reader *r, const thx_eval_box *box, size_t line);
/* Blanks in all places. */
void eval_labels_clear(signed char labels[THX_FINDINGS]);
/* All boxes "[x1, y1, x2, y2]" in a text, into the arena. THORAX_NOMEM. */
thorax_status eval_boxes_of_text(eval_reader *r, const char *text, size_t line, const thx_eval_box **out, size_t *n,
                                 thorax_error *err);

#endif
