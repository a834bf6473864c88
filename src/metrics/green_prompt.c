/* GREEN's prompt; see green.h.
 *
 * The three texts below are data: the published judges were trained on exactly these bytes. They are taken from
 * green_score 0.0.12, green_score/utils.py (make_prompt), by Sophie Ostmeier, Jean-Benoit Delbrouck and the other
 * authors of GREEN (Stanford AIMI), under the MIT licence; docs/licences.md has its terms. SHA-256 of the three one
 * after the other: f851bb093a7af2a5a5d1dbf9cac36ae28a5089abb8fd29ec6829cb309df12518. */
#include "metrics/green.h"
#include "metrics/words.h"

#include <string.h>

static const char head[] =
    "Objective: Evaluate the accuracy of a candidate radiology report in comparison to a reference radiology "
    "report composed by expert radiologists.\n"
    "\n"
    "    Process Overview: You will be presented with:\n"
    "\n"
    "    1. The criteria for making a judgment.\n"
    "    2. The reference radiology report.\n"
    "    3. The candidate radiology report.\n"
    "    4. The desired format for your assessment.\n"
    "\n"
    "    1. Criteria for Judgment:\n"
    "\n"
    "    For each candidate report, determine:\n"
    "\n"
    "    The count of clinically significant errors.\n"
    "    The count of clinically insignificant errors.\n"
    "\n"
    "    Errors can fall into one of these categories:\n"
    "\n"
    "    a) False report of a finding in the candidate.\n"
    "    b) Missing a finding present in the reference.\n"
    "    c) Misidentification of a finding's anatomic location/position.\n"
    "    d) Misassessment of the severity of a finding.\n"
    "    e) Mentioning a comparison that isn't in the reference.\n"
    "    f) Omitting a comparison detailing a change from a prior study.\n"
    "    Note: Concentrate on the clinical findings rather than the report's writing style. Evaluate only the "
    "findings that appear in both reports.\n"
    "\n"
    "    2. Reference Report:\n"
    "    ";

static const char middle[] = "\n"
                             "\n"
                             "    3. Candidate Report:\n"
                             "    ";

static const char tail[] =
    "\n"
    "\n"
    "    4. Reporting Your Assessment:\n"
    "\n"
    "    Follow this specific format for your output, even if no errors are found:\n"
    "    ```\n"
    "    [Explanation]:\n"
    "    <Explanation>\n"
    "\n"
    "    [Clinically Significant Errors]:\n"
    "    (a) <Error Type>: <The number of errors>. <Error 1>; <Error 2>; ...; <Error n>\n"
    "    ....\n"
    "    (f) <Error Type>: <The number of errors>. <Error 1>; <Error 2>; ...; <Error n>\n"
    "\n"
    "    [Clinically Insignificant Errors]:\n"
    "    (a) <Error Type>: <The number of errors>. <Error 1>; <Error 2>; ...; <Error n>\n"
    "    ....\n"
    "    (f) <Error Type>: <The number of errors>. <Error 1>; <Error 2>; ...; <Error n>\n"
    "\n"
    "    [Matched Findings]:\n"
    "    <The number of matched findings>. <Finding 1>; <Finding 2>; ...; <Finding n>\n"
    "    ```\n";

/* The first words of a report, a blank between two; returns how many. */
static size_t put_words(thx_string *out, const char *report)
{
    const char *text = report ? report : "", *word;
    size_t      size = strlen(text), word_size, n = 0;

    while (n < THX_GREEN_WORDS && thx_next_word(&text, &size, &word, &word_size)) {
        if (n++) thx_string_puts(out, " ");
        thx_utf8_repair(out, word, word_size);
    }
    return n;
}

void thx_green_prompt(thx_string *out, const char *reference, const char *candidate, size_t *reference_words,
                      size_t *candidate_words)
{
    thx_string_puts(out, head);
    const size_t in_reference = put_words(out, reference);
    thx_string_puts(out, middle);
    const size_t in_candidate = put_words(out, candidate);
    thx_string_puts(out, tail);
    if (reference_words) *reference_words = in_reference;
    if (candidate_words) *candidate_words = in_candidate;
}
