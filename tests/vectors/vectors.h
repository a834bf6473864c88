/* What a file of metric vectors is checked with; see main.c. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

/* One file while it is being checked; `reason` is empty as long as its current case holds. */
typedef struct vec {
    const char   *name;     /* of the file, without folder                    */
    const json_t *root;     /* the whole file, for what stands in its header  */
    char          reason[512];
} vec;

/* A kind of vectors: the value of "metric" in the header, and what checks one case of it. */
typedef struct vec_kind {
    const char *metric;
    void (*check)(vec *v, const json_t *input, const json_t *expected);
} vec_kind;

/* The kinds, ended by one without a name; one table a file of this folder. */
extern const vec_kind vec_text_kinds[], vec_label_kinds[], vec_box_kinds[], vec_graph_kinds[], vec_judge_kinds[],
    vec_bootstrap_kinds[], vec_bertscore_kinds[];

/* The case does not hold: the first reason is kept. */
void vec_fail(vec *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool vec_ok(vec *v, thorax_status status, const thorax_error *err); /* a status other than OK fails the case */

/* got against a number, or one of the strings "nan", "inf", "-inf"; within absolute + relative·|want|. */
void vec_number(vec *v, const char *what, double got, const json_t *want, double absolute, double relative);
void vec_integer(vec *v, const char *what, long long got, const json_t *want);
void vec_text(vec *v, const char *what, const char *got, const json_t *want);      /* the same bytes */
void vec_flag(vec *v, const char *what, bool got, const json_t *want);
void vec_numbers(vec *v, const char *what, const double *got, size_t n, const json_t *want, double absolute,
                 double relative);
void vec_texts(vec *v, const char *what, const char *const *got, size_t n, const json_t *want);

/* Members: "" and 0 where absent. */
const char   *vec_member_text(const json_t *object, const char *key);
double        vec_member_number(const json_t *object, const char *key);
double        vec_value(const json_t *value); /* a number, also one written as a string */

/* Borrowed texts of a list, to be freed by the caller (the list alone); NULL when memory runs out. */
const char  **vec_list(const json_t *list, size_t *n);

#endif
