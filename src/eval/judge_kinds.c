/* The judges of reports: GREEN and CheXprompt. Prompts and readers are those of metrics/. */
#include "eval/judge_internal.h"
#include "metrics/chexprompt.h"
#include "metrics/green.h"

#include <string.h>

_Static_assert((int)THX_JUDGE_KINDS == (int)THX_GREEN_KINDS, "the same kinds of errors");
_Static_assert((int)THX_JUDGE_KINDS == (int)THX_CHEXPROMPT_KINDS, "the same kinds of errors");

static const char *lacks_report(const thx_judge_item *item)
{
    return !item->reference ? "no reference" : !item->candidate ? "no candidate" : NULL;
}

/* ---- GREEN ---- */

static void green_prompt(thx_string *out, const thx_judge_run_state *run, const thx_judge_item *item)
{
    (void)run;
    thx_green_prompt(out, item->reference, item->candidate, NULL, NULL);
}

/* Counts that are absent are 0 to the original, which makes 0 of any text; a service's reply that lacks the sections it
 * was asked for, or was cut short before the last, is no rating here. */
static bool green_read(thx_judge_record *out, const thx_judge_run_state *run, const char *reply, size_t size)
{
    thx_string completion = { 0 };

    thx_green_completion(&completion, reply, size);
    const char *text = completion.data ? completion.data : "";
    const bool  whole = strstr(text, "[Clinically Significant Errors]:") && strstr(text, "[Matched Findings]:");
    const bool  good = !completion.failed && (whole || run->any_text);
    if (good) {
        const thx_green_counts c = thx_green_parse(text, completion.size);
        for (size_t k = 0; k < THX_JUDGE_KINDS; k++) {
            out->significant[k] = c.significant[k];
            out->insignificant[k] = c.insignificant[k];
        }
        out->matched = c.matched;
        out->score = thx_green_figure(&c);
    }
    thx_string_deinit(&completion);
    return good;
}

const thx_judge thx_judge_green = {
    .name = "green", .metric = "green", .temperature = 0, .top_p = -1, .max_tokens = 1024,
    .lacks = lacks_report, .prompt = green_prompt, .read = green_read,
};

/* ---- CheXprompt ---- */

static const char *chexprompt_system(void) { return thx_chexprompt_system; }

static void chexprompt_prompt(thx_string *out, const thx_judge_run_state *run, const thx_judge_item *item)
{
    thx_chexprompt_user(out, run->examples, item->reference, item->candidate);
}

static bool chexprompt_read(thx_judge_record *out, const thx_judge_run_state *run, const char *reply, size_t size)
{
    thx_chexprompt_counts c;

    (void)run;
    if (!thx_chexprompt_parse(&c, reply, size)) return false;
    for (size_t k = 0; k < THX_JUDGE_KINDS; k++) {
        out->significant[k] = c.significant[k];
        out->insignificant[k] = c.insignificant[k];
        out->score += (double)c.significant[k] + (double)c.insignificant[k];
    }
    return true;
}

const thx_judge thx_judge_chexprompt = {
    .name = "chexprompt", .metric = "chexprompt", .temperature = 0, .top_p = 0.9, .max_tokens = 128,
    .lacks = lacks_report, .system = chexprompt_system, .prompt = chexprompt_prompt, .read = chexprompt_read,
};
