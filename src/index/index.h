/* An index: vectors of unit length with names, in one file that is mapped, searched exactly and appended to.
 *
 * What is looked for are the rows whose dot product with a query is greatest. A row is held twice: as f32, and
 * rounded to one byte a value with the length of what rounding took away. A search reads the bytes of all rows
 * (a quarter of the f32), which bounds every product from both sides, and computes those products that the bounds leave
 * open from the f32: the answer is that of comparing all rows in f32 (search.c has the argument).
 *
 * The file belongs to one model: rows of different models do not compare. Appending writes behind what is there and
 * then, in one step, says that it counts: whenever that breaks off, the file is what it was before. */
#ifndef THX_INDEX_INDEX_H
#define THX_INDEX_INDEX_H

#include "ops/ops.h"

typedef struct thx_index thx_index;

typedef enum thx_index_kind { THX_INDEX_FILM, THX_INDEX_TEXT, THX_INDEX_KINDS } thx_index_kind;

enum { THX_INDEX_WIDTH_MAX = 65536, THX_INDEX_NAME_MAX = 1 << 20 /* bytes */ };

/* Maps an index. `model`: the identity (64 digits) its rows must have, NULL for any.
 * THORAX_IO: no such file. THORAX_FORMAT: not an index, or damaged (the text says where). THORAX_MODEL: an index of
 * another model. THORAX_NOMEM. Files up to 64 MiB are compared with their checksums, larger ones by thx_index_check. */
thorax_status thx_index_open(thx_index **out, const char *path, const char *model, thorax_error *err);
void          thx_index_close(thx_index *x);

/* Reads all of it and compares the checksums. THORAX_FORMAT. */
thorax_status thx_index_check(const thx_index *x, thorax_error *err);

size_t         thx_index_count(const thx_index *x);
size_t         thx_index_width(const thx_index *x); /* values of a vector */
const char    *thx_index_model(const thx_index *x);
thx_index_kind thx_index_kind_of(const thx_index *x, size_t row);
const float   *thx_index_vector(const thx_index *x, size_t row);
/* Not ended by a 0 byte; *size receives its length. */
const char    *thx_index_name(const thx_index *x, size_t row, size_t *size);

/* Appends n rows of d values to the index at `path`, which is made (mode 0600) where there is none.
 *   vectors [n, d], length at most 1.001; names [n], each at most THX_INDEX_NAME_MAX bytes
 * THORAX_USAGE: a vector that is not finite or too long, a name too long, another width than the index has.
 * THORAX_FORMAT; THORAX_MODEL: as open. THORAX_IO: cannot be written, or another writer holds it. THORAX_NOMEM. */
thorax_status thx_index_append(const char *path, const char *model, thx_index_kind kind, const float *vectors,
                               const char *const *names, size_t n, size_t d, thorax_error *err);

typedef struct thx_hit {
    size_t row;
    float  score; /* the dot product, summed in double */
} thx_hit;

/* The k rows nearest to a query [d] of unit length (at most 1.001), best first, of equals the earlier one:
 * *n = min(k, rows) of them go to hits [k]. THORAX_USAGE: a query that is not finite or too long; THORAX_NOMEM. */
thorax_status thx_index_search(thx_ctx *ctx, const thx_index *x, const float *query, size_t k, thx_hit *hits, size_t *n,
                               thorax_error *err);

/* The place of a row among all rows, 1 for the nearest, in the same order. As thx_index_search. */
thorax_status thx_index_rank(thx_ctx *ctx, const thx_index *x, const float *query, size_t row, size_t *rank,
                             float *score, thorax_error *err);

#endif
