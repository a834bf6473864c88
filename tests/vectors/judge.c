/* Vectors of judges: GREEN, the conversation judge. */
#include "vectors.h"

#include "base/hash.h"
#include "metrics/green.h"
#include "metrics/judge_score.h"

#include <stdlib.h>
#include <string.h>

/* ---- GREEN ---- */

static size_t count_characters(const thx_string *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->size; i++) n += ((unsigned char)s->data[i] & 0xc0) != 0x80;
    return n;
}

static void check_prompt(vec *v, const json_t *input, const json_t *expected)
{
    thx_string prompt = { 0 };
    size_t     words[2];
    char       sha256[65];

    thx_green_prompt(&prompt, vec_member_text(input, "reference"), vec_member_text(input, "hypothesis"), &words[0],
                     &words[1]);
    thx_sha256_of(prompt.data, prompt.size, sha256);
    vec_integer(v, "bytes", (long long)prompt.size, json_object_get(expected, "prompt_utf8_bytes"));
    vec_integer(v, "characters", (long long)count_characters(&prompt), json_object_get(expected, "prompt_chars"));
    vec_integer(v, "words of the reference", (long long)words[0], json_object_get(expected, "reference_words_used"));
    vec_integer(v, "words of the candidate", (long long)words[1], json_object_get(expected, "hypothesis_words_used"));
    vec_text(v, "prompt", sha256, json_object_get(expected, "prompt_sha256"));
    thx_string_deinit(&prompt);
}

static void check_clean(vec *v, const json_t *input, const json_t *expected)
{
    const char *decoded = vec_member_text(input, "decoded");
    thx_string  out = { 0 };

    thx_green_completion(&out, decoded, strlen(decoded));
    vec_text(v, "completion", out.data, json_object_get(expected, "cleaned"));
    thx_string_deinit(&out);
}

static void check_counts(vec *v, const char *what, const uint64_t counts[THX_GREEN_KINDS], const json_t *want)
{
    const json_t *list = json_object_get(want, "sub");
    uint64_t      sum = 0;

    for (size_t i = 0; i < THX_GREEN_KINDS; i++) {
        vec_integer(v, what, (long long)counts[i], json_array_get(list, i));
        sum += counts[i];
    }
    vec_integer(v, what, (long long)sum, json_object_get(want, "sum"));
}

static void check_parse(vec *v, const json_t *input, const json_t *expected)
{
    const char            *completion = vec_member_text(input, "completion");
    const thx_green_counts c = thx_green_parse(completion, strlen(completion));
    const json_t          *row = json_object_get(expected, "error_count_row");

    check_counts(v, "significant", c.significant, json_object_get(expected, "significant"));
    check_counts(v, "insignificant", c.insignificant, json_object_get(expected, "insignificant"));
    vec_integer(v, "matched", (long long)c.matched, json_object_get(expected, "matched"));
    vec_integer(v, "last of the row", (long long)c.matched, json_array_get(row, THX_GREEN_KINDS));
    vec_number(v, "figure", thx_green_figure(&c), json_object_get(expected, "green"), 1e-15, 0);
}

static void check_mean(vec *v, const json_t *input, const json_t *expected)
{
    const json_t *list = json_object_get(input, "green_scores");
    const size_t  n = json_array_size(list);
    double       *figures = calloc(n + 1, sizeof *figures);

    if (!figures) {
        vec_fail(v, "no memory");
        return;
    }
    for (size_t i = 0; i < n; i++) figures[i] = vec_value(json_array_get(list, i));
    const thx_green_summary s = thx_green_mean(figures, n);
    vec_number(v, "mean", s.mean, json_object_get(expected, "mean"), 1e-12, 0);
    vec_number(v, "deviation", s.deviation, json_object_get(expected, "std"), 1e-12, 0);
    free(figures);
}

/* ---- The judge of conversations ---- */

static void check_scores(vec *v, const json_t *input, const json_t *expected)
{
    const char  *reply = vec_member_text(input, "reply");
    double       scores[64];
    const size_t n = thx_judge_scores(scores, sizeof scores / sizeof *scores, reply, strlen(reply));

    vec_numbers(v, "scores", scores, n, json_object_get(expected, "accepted_scores"), 0, 0);
}

const vec_kind vec_judge_kinds[] = {
    { "green_prompt", check_prompt }, { "green_clean", check_clean },   { "green_parse", check_parse },
    { "green_mean", check_mean },     { "radvlm_judge", check_scores }, { 0 },
};
