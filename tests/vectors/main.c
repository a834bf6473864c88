/* Checks the metrics against vectors of the original packages: vectors DIR [GLOB]
 *
 * Every DIR/NAME.json with a "metric" in its header is one file of cases. A line for a case that does
 * not hold and one line a file, at the end "N passed, N failed"; exit status 0 only when nothing failed
 * and something passed. A file of an unknown kind counts as failed. Another kind is one function and one
 * line in the table of its file. */
#include "vectors.h"

#include "base/file.h"

#include <dirent.h>
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const vec_kind *const tables[] = { vec_text_kinds,  vec_label_kinds, vec_box_kinds,
                                          vec_graph_kinds, vec_judge_kinds, vec_bootstrap_kinds,
                                          vec_bertscore_kinds };

void vec_fail(vec *v, const char *format, ...)
{
    va_list args;

    if (*v->reason) return;
    va_start(args, format);
    vsnprintf(v->reason, sizeof v->reason, format, args);
    va_end(args);
}

bool vec_ok(vec *v, thorax_status status, const thorax_error *err)
{
    if (status) vec_fail(v, "%s", err->text);
    return !status;
}

double vec_value(const json_t *value)
{
    const char *text = json_string_value(value);

    return text ? strtod(text, NULL) : json_number_value(value);
}

void vec_number(vec *v, const char *what, double got, const json_t *want, double absolute, double relative)
{
    const double w = vec_value(want);

    if (!want || json_is_null(want)) vec_fail(v, "%s: %.17g, none wanted", what, got);
    else if (isnan(w) ? !isnan(got) : isinf(w) ? got != w : !(fabs(got - w) <= absolute + relative * fabs(w)))
        vec_fail(v, "%s: %.17g, wanted %.17g", what, got, w);
}

void vec_integer(vec *v, const char *what, long long got, const json_t *want)
{
    vec_number(v, what, (double)got, want, 0, 0);
}

void vec_text(vec *v, const char *what, const char *got, const json_t *want)
{
    const char *w = json_string_value(want);

    if (!w || !got || strlen(got) != json_string_length(want) || strcmp(got, w))
        vec_fail(v, "%s: \"%.80s\", wanted \"%.80s\"", what, got ? got : "(none)", w ? w : "(none)");
}

void vec_flag(vec *v, const char *what, bool got, const json_t *want)
{
    if (!json_is_boolean(want) || json_is_true(want) != got) vec_fail(v, "%s: %s", what, got ? "true" : "false");
}

void vec_numbers(vec *v, const char *what, const double *got, size_t n, const json_t *want, double absolute,
                 double relative)
{
    if (json_array_size(want) != n) vec_fail(v, "%s: %zu values, wanted %zu", what, n, json_array_size(want));
    for (size_t i = 0; i < n && i < json_array_size(want); i++)
        vec_number(v, what, got[i], json_array_get(want, i), absolute, relative);
}

void vec_texts(vec *v, const char *what, const char *const *got, size_t n, const json_t *want)
{
    if (json_array_size(want) != n) vec_fail(v, "%s: %zu texts, wanted %zu", what, n, json_array_size(want));
    for (size_t i = 0; i < n && i < json_array_size(want); i++) vec_text(v, what, got[i], json_array_get(want, i));
}

const char *vec_member_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

double vec_member_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return value ? vec_value(value) : 0;
}

const char **vec_list(const json_t *list, size_t *n)
{
    *n = json_array_size(list);
    const char **texts = calloc(*n + 1, sizeof *texts);

    for (size_t i = 0; texts && i < *n; i++) texts[i] = json_string_value(json_array_get(list, i));
    return texts;
}

static const vec_kind *find_kind(const char *metric)
{
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (const vec_kind *k = tables[t]; metric && k->metric; k++)
            if (!strcmp(k->metric, metric)) return k;
    return NULL;
}

/* The cases of one file; "pairs" stands beside the id where a case has no input (porter). */
static void check_file(const char *name, const json_t *root, unsigned *passed, unsigned *failed)
{
    const char     *metric = json_string_value(json_object_get(root, "metric"));
    const json_t   *cases = json_object_get(root, "cases");
    const vec_kind *kind = find_kind(metric);
    unsigned        good = 0, bad = 0;

    if (!metric) return;
    if (!kind || !json_array_size(cases)) {
        printf("%s: %s FAILED\n", name, kind ? "no cases" : "nothing checks this metric");
        ++*failed;
        return;
    }
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i), *input = json_object_get(c, "input");
        vec           v = { .name = name, .root = root };
        kind->check(&v, input ? input : c, json_object_get(c, "expected"));
        if (*v.reason) printf("%s/%s: %s FAILED\n", name, vec_member_text(c, "id"), v.reason);
        *(*v.reason ? &bad : &good) += 1;
    }
    printf("%s: %u of %u %s\n", name, good, good + bad, bad ? "FAILED" : "ok");
    *passed += good;
    *failed += bad;
}

static void check_path(const char *folder, const char *name, unsigned *passed, unsigned *failed)
{
    char        *path = thx_path_join(folder, name);
    json_t      *root = NULL;
    thorax_error err = { 0 };

    if (!path || thx_json_read(&root, path, (size_t)256 << 20, &err)) {
        printf("%s: %s FAILED\n", name, path ? err.text : "no memory");
        ++*failed;
    } else {
        check_file(name, root, passed, failed);
    }
    json_decref(root);
    free(path);
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    unsigned        passed = 0, failed = 0;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s DIR [GLOB]\n", argv[0]);
        return 2;
    }
    const int n = scandir(argv[1], &entries, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: cannot be listed\n", argv[1]);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        if (!fnmatch("*.json", entries[i]->d_name, FNM_PERIOD)
            && !fnmatch(argc == 3 ? argv[2] : "*", entries[i]->d_name, FNM_PERIOD))
            check_path(argv[1], entries[i]->d_name, &passed, &failed);
        free(entries[i]);
    }
    free(entries);
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed;
}
