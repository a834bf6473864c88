/* The judge of conversations, as RadVLM's evaluation has it: facts of the film, round by round what was asked, expected
 * and given, and one score for all of it. The wording is ours, in the published order (evaluate_conversations.py); the
 * form of the last line and its reading are the original's. */
#include "eval/judge_internal.h"
#include "metrics/judge_score.h"

#include <stdlib.h>

enum { SCORES = 64 };

static const char task[] =
    "You evaluate a vision-language model that holds conversations about chest X-rays. Every round below has a "
    "question of a user, an expected answer, whose author knew the report and other data of the film, and a generated "
    "answer, whose author saw the film alone.\n"
    "\n"
    "Take the rounds one by one. Say briefly how correct, how complete and how relevant the generated answer is, "
    "measured by the expected answer and the facts, and give that round a small rating. Be lenient with small "
    "deviations that would not mislead a reader. In the end give the whole conversation one score, an integer "
    "from 0 (wrong or useless) to 10 (as good as expected).\n"
    "\n"
    "The last line of your reply has exactly this form:\n"
    "Overall score: <score>/10\n";

static const char reminder[] = "\nNow judge. Do not forget the last line: Overall score: <score>/10\n";

static const char *persona(void) { return "You are a helpful assistant."; }

static const char *lacks(const thx_judge_item *item)
{
    if (!item->n_rounds) return "no conversation";
    for (size_t i = 0; i < item->n_rounds; i++) {
        const thx_judge_round *r = &item->rounds[i];
        if (!r->question || !r->expected) return "a round without question or expected answer";
        if (!r->given) return "a round without answer";
    }
    return NULL;
}

static void add_fact(thx_string *out, const char *name, const char *text)
{
    if (!text) return;
    thx_string_puts(out, name);
    thx_string_puts(out, text);
    thx_string_puts(out, "\n");
}

static void prompt(thx_string *out, const thx_judge_run_state *run, const thx_judge_item *item)
{
    (void)run;
    thx_string_puts(out, task);
    thx_string_puts(out, "\nFacts about the film:\n");
    add_fact(out, "Report: ", item->reference);
    add_fact(out, "Findings: ", item->labels);
    add_fact(out, "View: ", item->view);
    add_fact(out, "Gender: ", item->gender);
    add_fact(out, "Observations and where they are:\n", item->boxes);
    for (size_t i = 0; i < item->n_rounds; i++) {
        const thx_judge_round *r = &item->rounds[i];
        thx_string_printf(out, "\nRound %zu\n", i + 1);
        add_fact(out, "Question: ", r->question);
        add_fact(out, "Expected answer: ", r->expected);
        add_fact(out, "Generated answer: ", r->given);
    }
    thx_string_puts(out, reminder);
}

/* A reply may hold several scores: all of them count, as published, or the last one. */
static bool read_scores(thx_judge_record *out, const thx_judge_run_state *run, const char *reply, size_t size)
{
    double       few[SCORES], *all = few;
    const size_t n = thx_judge_scores(few, SCORES, reply, size);

    if (n > SCORES) {
        all = malloc(n * sizeof *all);
        if (!all) return false;
        thx_judge_scores(all, n, reply, size);
    }
    for (size_t i = run->options->last_score && n ? n - 1 : 0; i < n; i++) {
        out->score_sum += all[i];
        out->n_scores++;
    }
    if (n) out->score = out->score_sum / out->n_scores;
    if (all != few) free(all);
    return n > 0;
}

const thx_judge thx_judge_radvlm = {
    .name = "radvlm", .metric = "radvlm-judge", .temperature = 0, .top_p = -1, .max_tokens = 2048,
    .lacks = lacks, .system = persona, .prompt = prompt, .read = read_scores,
};
