/* Reads a Jinja template into a flat list, in one spelling: statements, printed expressions and
 * printed text, in order. What does not change the output is gone: comments, {% generation %}
 * marks, blanks inside tags, kinds of quotes, 'a' + 'b' against 'ab', x.y against x['y'], and the
 * blanks that trim_blocks and lstrip_blocks take away (transformers sets both). */
#ifndef THX_TEXT_JINJA_H
#define THX_TEXT_JINJA_H

#include "base/string.h"

typedef enum thx_jinja_kind {
    THX_JINJA_END,
    THX_JINJA_STATEMENT,
    THX_JINJA_EXPRESSION,
    THX_JINJA_TEXT
} thx_jinja_kind;
typedef struct thx_jinja_item { thx_jinja_kind kind; size_t at, size; } thx_jinja_item;
typedef struct thx_jinja {
    thx_jinja_item *items;  /* the last one is THX_JINJA_END           */
    size_t          n;      /* without it                              */
    thx_string      pool;   /* their texts, each followed by a 0 byte  */
} thx_jinja;

/* THORAX_FORMAT: no end of a tag or string, or longer than 256 KB; THORAX_NOMEM. Messages have no
 * file name. */
thorax_status thx_jinja_read(thx_jinja *out, const char *source, thorax_error *err);
void          thx_jinja_deinit(thx_jinja *j);

#endif
