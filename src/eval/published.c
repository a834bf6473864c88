/* Published figures of RadVLM, LLaVA-Rad and those they are compared with; see published.h. */
#include "eval/published.h"

#include <math.h>

#define NO NAN

/* ---- Reports of MIMIC-CXR, RadVLM's 3,314 ---- */

static const thx_published_column report_columns[] = {
    { "ROUGE-L", "rouge-stem", "rougeL", NULL, 100, 1, false },
    { "BERTScore", "bertscore", "bertscore", NULL, 100, 1, false },
    { "CheXbert micro", "chexbert", "chexbert_all_micro", NULL, 100, 1, false },
    { "CheXbert macro", "chexbert", "chexbert_all_macro", NULL, 100, 1, false },
    { "RadGraph F1", "radgraph", "radgraph_partial", NULL, 100, 1, false },
    { "GREEN", "green", "green", NULL, 100, 1, false },
    { "RadCliQ", "radcliq-v1", "radcliq_v1", NULL, 1, 2, true },
    { NULL, NULL, NULL, NULL, 0, 0, false },
};
static const char *const report_sources[] = {
    "RadVLM's page, figures of the current version of the data",
    "arXiv 2512.10691: same test set and pipeline; its RadVLM is trained anew on Qwen3-VL-8B",
    NULL,
};
static const thx_published_row report_rows[] = {
    { "RadVLM 7B", 0, { 25.4, 51.9, NO, NO, 18.2, 27.7, NO, NO } },
    { "CheXagent", 0, { NO, NO, NO, NO, 20.1, 29.9, NO, NO } },
    { "MAIRA-2 7B", 1, { 17.7, 46.6, 52.1, 35.8, 12.9, 21.3, 1.42, NO } },
    { "CheXagent-2 3B", 1, { 22.5, 37.4, 54.5, 38.7, 20.1, 29.9, 1.45, NO } },
    { "LLaVA-Rad 7B", 1, { 22.2, 48.9, 53.3, 39.2, 16.8, 28.6, 1.34, NO } },
    { "MedGemma 4B pt", 1, { 20.7, 47.7, 49.8, 32.5, 15.5, 21.9, 1.37, NO } },
    { "MedGemma 27B it", 1, { 15.9, 31.3, 47.0, 31.5, 12.0, 23.3, 1.79, NO } },
    { "DeepMedix-R1 7B", 1, { 22.3, 52.8, 48.2, 28.3, 18.6, 30.0, 1.23, NO } },
    { "Qwen3-VL 8B, untrained", 1, { 14.0, 42.0, 35.3, 20.4, 10.8, 21.9, 1.67, NO } },
    { "RadVLM 8B, supervised", 1, { 26.0, 53.3, 49.0, 30.5, 19.0, 29.1, 1.14, NO } },
    { "RadVLM 8B, reinforcement", 1, { 29.9, 59.2, 57.0, 33.4, 25.8, 32.7, 0.86, NO } },
    { NULL, 0, { 0 } },
};

/* ---- Boxes ---- */

static const thx_published_column box_columns[] = {
    { "anatomy", "boxes", "map50", "region_grounding ground", 100, 1, false },
    { "abnormality", "boxes", "map50", "abnormality_grounding", 100, 1, false },
    { "phrase MS-CXR", "boxes", "map50", "phrase_grounding phrase", 100, 1, false },
    { "phrase PadChest", "boxes", "map50", "padchest_grounding", 100, 1, false },
    { NULL, NULL, NULL, NULL, 0, 0, false },
};
static const thx_published_row box_rows[] = {
    { "RadVLM 7B", 0, { 85.8, 34.6, 81.8, NO } },
    { "MAIRA-2", 1, { 19.8, 11.3, 80.1, 38.8 } },
    { "Qwen3-VL 8B, untrained", 1, { 11.1, 5.1, 19.0, 10.7 } },
    { "RadVLM 8B, supervised", 1, { 82.1, 44.2, 84.6, 59.0 } },
    { "RadVLM 8B, reinforcement", 1, { 84.5, 45.9, 87.9, 63.0 } },
    { NULL, 0, { 0 } },
};

/* ---- Findings, conversations ---- */

static const thx_published_column finding_columns[] = {
    { "micro F1", "mentions", "micro_f1", "abnormality_classification classify", 100, 1, false },
    { "macro F1", "mentions", "macro_f1", "abnormality_classification classify", 100, 1, false },
    { "macro F1, negation understood", "findings", "macro_f1", "abnormality_classification classify", 100, 1, false },
    { "macro AUROC", "auroc", "macro_auroc", NULL, 100, 1, false },
    { NULL, NULL, NULL, NULL, 0, 0, false },
};
static const thx_published_row finding_rows[] = { { NULL, 0, { 0 } } };

static const thx_published_column talk_columns[] = {
    { "conversation, 0..10", "conversation", "conversation_score", "conversation", 1, 2, false },
    { "grounded, 0..10", "conversation", "conversation_score", "conversation_grounded", 1, 2, false },
    { NULL, NULL, NULL, NULL, 0, 0, false },
};
static const thx_published_row talk_rows[] = { { "RadVLM 7B", 0, { 6.66, 6.60 } }, { NULL, 0, { 0 } } };

/* ---- LLaVA-Rad's ---- */

static const thx_published_column rad_columns[] = {
    { "micro-14", "chexbert-llavarad chexbert-llavarad-point", "Micro-F1-14", NULL, 100, 1, false },
    { "micro-5", "chexbert-llavarad chexbert-llavarad-point", "Micro-F1-5", NULL, 100, 1, false },
    { "macro-14", "chexbert-llavarad chexbert-llavarad-point", "Macro-F1-14", NULL, 100, 1, false },
    { "macro-5", "chexbert-llavarad chexbert-llavarad-point", "Macro-F1-5", NULL, 100, 1, false },
    { "F1-RadGraph", "radgraph-llavarad radgraph-llavarad-point", "F1-RadGraph", NULL, 100, 1, false },
    { "ROUGE-L", "rouge-median rouge-hf", "rougeL", NULL, 100, 1, false },
    { "BLEU-1", "bleu", "bleu1", NULL, 1, 1, false },
    { "BLEU-4", "bleu", "bleu4", NULL, 1, 1, false },
    { NULL, NULL, NULL, NULL, 0, 0, false },
};
static const char *const rad_sources[] = {
    "LLaVA-Rad as quoted by later papers; F1-RadGraph from its stated gain, BLEU not verified",
    "Med-PaLM M's own Table 3",
    "MAIRA-1 and others from their own publications, on their own subsets; MAIRA-1's last four not verified",
    NULL,
};
static const thx_published_row rad_rows[] = {
    { "LLaVA-Rad 7B", 0, { 57.3, 57.4, 39.5, 47.7, 29.4, 30.6, 38.1, 15.4 } },
    { "Med-PaLM M 12B", 1, { 51.41, 56.54, 37.31, 50.57, 25.20, 26.16, 30.90, 10.43 } },
    { "Med-PaLM M 84B", 1, { 53.56, 57.88, 39.83, 51.60, 26.71, 27.29, 32.31, 11.31 } },
    { "Med-PaLM M 562B", 1, { 51.60, 56.28, 37.81, 49.86, 26.06, 27.49, 31.73, 11.50 } },
    { "MAIRA-1 7B", 2, { 55.7, 56.0, 38.6, 47.7, 24.3, 28.9, 39.2, 14.2 } },
    { "CheXagent", 2, { 39.3, 41.2, 24.7, 34.5, NO, NO, NO, NO } },
    { "M4CXR 7B", 2, { 60.6, 61.8, 40.0, 49.5, 21.7, 28.4, NO, NO } },
    { "RA-RRG", 2, { 62.3, NO, 41.7, NO, 24.3, 30.7, NO, NO } },
    { NULL, 0, { 0 } },
};

const thx_published_table thx_published_tables[] = {
    { "radvlm-report", "Reports (RadVLM: MIMIC-CXR test, 3,314 reports)", report_columns, report_rows, report_sources,
      "RadGraph F1 of ours is level partial; which level the page prints is not known" },
    { "radvlm-boxes", "Boxes, mAP at IoU 0.5 (RadVLM)", box_columns, box_rows, report_sources, NULL },
    { "radvlm-findings", "Findings, F1 over 13 labels (RadVLM prints a bar chart only)", finding_columns, finding_rows,
      report_sources, NULL },
    { "radvlm-conversations", "Conversations, mean score of a judge (RadVLM: gpt-4o)", talk_columns, talk_rows,
      report_sources, NULL },
    { "llavarad", "Reports (LLaVA-Rad: MIMIC-CXR test, findings, 2,461 pairs)", rad_columns, rad_rows, rad_sources,
      "ROUGE-L, F1-RadGraph and CheXbert are medians of 500 resamples" },
    { NULL, NULL, NULL, NULL, NULL, NULL },
};
