/* Replies of judges, of any bytes: GREEN's completion and counts, scores, CheXprompt's lists. */
#include "metrics/chexprompt.h"
#include "metrics/green.h"
#include "metrics/judge_score.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_green(const char *text, size_t size)
{
    thx_string completion = { 0 };

    thx_green_completion(&completion, text, size);
    if (completion.failed || completion.size > size) abort();
    for (int i = 0; i < 2; i++) {
        const thx_green_counts c = i ? thx_green_parse(completion.data, completion.size) : thx_green_parse(text, size);
        const double           figure = thx_green_figure(&c);
        if (!(figure >= 0 && figure <= 1) || c.matched > 1000000000000000) abort();
    }
    thx_string_deinit(&completion);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char           *text = (const char *)data;
    double                scores[8];
    thx_chexprompt_counts counts;

    if (!size) return 0;
    check_green(text, size);
    const size_t n = thx_judge_scores(scores, 8, text, size);
    for (size_t i = 0; i < n && i < 8; i++)
        if (!(scores[i] >= 0 && scores[i] <= 10)) abort();
    if (thx_chexprompt_parse(&counts, text, size))
        for (size_t i = 0; i < THX_CHEXPROMPT_KINDS; i++)
            if (counts.significant[i] > 999999 || counts.insignificant[i] > 999999) abort();
    return 0;
}
