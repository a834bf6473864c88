/* Figures as published, for tables: which columns a paper's table has, and its rows. */
#ifndef THX_EVAL_PUBLISHED_H
#define THX_EVAL_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>

enum { THX_PUBLISHED_COLUMNS = 8 };

/* A column, and the figure of ours that belongs in it. */
typedef struct thx_published_column {
    const char *heading;       /* "ROUGE-L"                                                   */
    const char *metric, *name; /* of the figure; alternatives of metric parted by blanks      */
    const char *tasks;         /* that it may have, parted by blanks; NULL: any               */
    double      scale;         /* printed value = figure * scale                              */
    int         decimals;
    bool        lower_is_better;
} thx_published_column;

/* A row; NaN: not published. `source` is one of the sources of the table, counted from 0. */
typedef struct thx_published_row {
    const char *system;
    int         source;
    double      values[THX_PUBLISHED_COLUMNS];
} thx_published_row;

typedef struct thx_published_table {
    const char                 *id, *title;
    const thx_published_column *columns;  /* ended by one without heading */
    const thx_published_row    *rows;     /* ended by one without system  */
    const char *const          *sources;  /* ended by NULL                */
    const char                 *note;     /* NULL: none                   */
} thx_published_table;

extern const thx_published_table thx_published_tables[]; /* ended by one without id */

#endif
