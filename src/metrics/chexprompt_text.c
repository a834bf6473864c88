/* CheXprompt's prompts; see chexprompt.h.
 *
 * The texts below are data, byte for byte those of CheXprompt (commit 8cfddec), Copyright (c) Microsoft Corporation,
 * MIT licence; docs/licences.md has its terms. SHA-256 of the system turn:
 * a618aea8343634b2abbbbd615f8525bb28f3e0f562b9027a314e3eaa47182f4b; of the user's, with its placeholders {examples_formatted}, {eval_reference}, {eval_candidate}:
 * 47570393378ccba5a47d290ba92a29f0016767ac35520b460c74250d1d762470. */
#include "metrics/chexprompt.h"

const char *const thx_chexprompt_examples_sha256 = "afc8168ce1ca1b4e91392a8c5081f2b4667d48fdcc1b3ae57948b231bb3d2be6";

const char *const thx_chexprompt_system =
    "Instructions: You are an expert radiologist. Judge the diagnostic accuracy of generated radiology report "
    "findings based on a reference findings section. For each error type, count how many errors exist in the "
    "candidate report. Examples are provided for you. For clinically significant and clinically insignificant "
    "errors of 6 error types, count how many of each error type there are. Refer to the reference and candidate "
    "findings as needed to keep maximum accuracy in counting each error type. Finally, provide the error counts "
    "in the list format exactly as it is given to you.";

static const char before_examples[] =
    "A clinically significant error is one that likely affects treatment, management, or outcomes. There are six "
    "error types:\n"
    "A) False prediction of finding that is not present in the reference findings\n"
    "B) Omission of finding that is present in the reference findings\n"
    "C) Incorrect location/position of finding in the candidate findings compared to the reference findings\n"
    "D) Incorrect severity of finding in the candidate findings compared to the reference findings\n"
    "E) Mention of comparison that is not present in the reference findings\n"
    "F) Omission of comparison describing a change from a previous study that is present in the reference "
    "findings\n"
    "\n"
    "Desired output format:\n"
    "Number of clinically significant errors by type: [(A, n_A), (B, n_B), (C, n_C), (D, n_D), (E, n_E), (F, "
    "n_F)]\n"
    "Number of clinically insignificant errors by type: [(A, n_A), (B, n_B), (C, n_C), (D, n_D), (E, n_E), (F, "
    "n_F)]\n"
    "##\n";

static const char before_reference[] =
    "\n"
    "##\n"
    "Reference Findings: \"\"\"";

static const char before_candidate[] =
    "\"\"\"\n"
    "\n"
    "Candidate Findings: \"\"\"";

static const char after_candidate[] =
    "\"\"\"\n"
    "\n"
    "Errors:";

void thx_chexprompt_user(thx_string *out, const char *examples, const char *reference, const char *candidate)
{
    thx_string_puts(out, before_examples);
    thx_string_puts(out, examples);
    thx_string_puts(out, before_reference);
    thx_string_puts(out, reference);
    thx_string_puts(out, before_candidate);
    thx_string_puts(out, candidate);
    thx_string_puts(out, after_candidate);
}
