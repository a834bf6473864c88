/* The options of the program, in one table: parsing, --help, the manual page and docs/cli.md
 * are made from it, so that they cannot disagree.
 *
 * A value is looked for on the command line, then in the environment (THORAX_ and the name in
 * capitals, where the table allows it); what is found in neither place has its default, which is the
 * business of whoever asks. Values are checked while parsing: a command only sees good ones. */
#ifndef THX_CLI_OPTIONS_H
#define THX_CLI_OPTIONS_H

#include "base/error.h"

typedef enum cli_kind {
    CLI_SWITCH, /* takes no value                          */
    CLI_TEXT,
    CLI_CHOICE, /* one of the words of `choices`           */
    CLI_COUNT,  /* an integer from low to high             */
    CLI_REAL,   /* a number from low to high               */
    CLI_BYTES   /* an integer, perhaps with K, M, G or T   */
} cli_kind;

/*    id              name               letter argument  kind        choices or NULL                low  high  env  help */
#define CLI_OPTION_LIST(X)                                                                                              \
    X(MODEL,          "model",              'm', "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "model folder, as published") \
    X(BASE,           "base",                0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "folder of the language model that an adapter belongs to (vicuna-7b-v1.5); default: what the model folder records") \
    X(LORA,           "lora",                0,  "HOW",   CLI_CHOICE, "merge keep off",                0, 0,    1, "an adapter's matrices: merge (default): added to those of the base at opening, rounded as the original does; keep: multiplied beside them, nothing is copied; off: left out") \
    X(MERGED_CACHE,   "merged-cache",        0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "write merged matrices into this folder once, and map them from there afterwards: as large as they are, 13 GB for a 7B model") \
    X(REASON,         "reason",              0,  "TEXT",  CLI_TEXT,   NULL,                            0, 0,    0, "reason for the exam, where the model takes one (LLaVA-Rad)") \
    X(IMAGE,          "image",              'i', "FILM",  CLI_TEXT,   NULL,                            0, 0,    0, "the film: a PNG or JPEG file") \
    X(PRECISION,      "precision",           0,  "P",     CLI_CHOICE, "f32 auto lossy int8",           0, 0,    1, "f32: every stage in f32; auto (default): bf16 products where the stored values allow; lossy: f16 and f32 values rounded to bf16; int8: 8-bit products of prompts where weights have 8 or 4 bits, the drift from f32 is measured and printed") \
    X(CPU,            "cpu",                 0,  "LEVEL", CLI_CHOICE, "ref avx2 avx512 avx512-bf16 amx", 0, 0,    1, "kernels at most of this level") \
    X(THREADS,        "threads",            't', "N",     CLI_COUNT,  NULL,                            0, 1024, 1, "threads; 0 (default): the cores this process may use") \
    X(CTX,            "ctx",                 0,  "N",     CLI_COUNT,  NULL,                            0, 16777216, 1, "tokens of prompt and answer together; 0 (default): what the model allows") \
    X(KV_BITS,        "kv-bits",             0,  "N",     CLI_CHOICE, "8",                             0, 0,    1, "keys and values of 8 bits instead of 16, half their memory; the drift from f32 is measured and printed") \
    X(MEM_LIMIT,      "mem-limit",           0,  "BYTES", CLI_BYTES,  NULL,                            0, 0,    1, "refuse to start what would need more anonymous memory (suffixes K, M, G, T); 0 (default): no limit") \
    X(CACHE,          "cache",               0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "keep what was computed about films in this folder, for later runs; it then holds patient-derived data") \
    X(CACHE_LIMIT,    "cache-limit",         0,  "BYTES", CLI_BYTES,  NULL,                            0, 0,    1, "most bytes of that folder; what was used least recently goes first (default 16G; 0: no limit)") \
    X(PLAN,           "plan",                0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "print the memory that would be taken, and stop") \
    X(COMPAT,         "compat",              0,  "C",     CLI_CHOICE, "transformers-4.46",             0, 0,    1, "pad and crop as that release of transformers did") \
    X(PROFILE,        "profile",             0,  "P",     CLI_CHOICE, "display pillow",                0, 0,    1, "how stored values become the picture: display (default) or pillow") \
    X(SYSTEM,         "system",              0,  "TEXT",  CLI_TEXT,   NULL,                            0, 0,    1, "a system turn before the conversation") \
    X(MAX_NEW_TOKENS, "max-new-tokens",     'n', "N",     CLI_COUNT,  NULL,                            1, 1000000, 1, "most tokens of an answer (default: the model family's, 1500 or 256)") \
    X(SAMPLE,         "sample",              0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    1, "draw tokens instead of taking the best one") \
    X(TEMPERATURE,    "temperature",         0,  "T",     CLI_REAL,   NULL,                            0, 100,  1, "flattens (above 1) or sharpens the draw; above 0 implies --sample, 0 is greedy") \
    X(TOP_K,          "top-k",               0,  "K",     CLI_COUNT,  NULL,                            0, 1000000, 1, "draw from the K best tokens; 0: all") \
    X(TOP_P,          "top-p",               0,  "P",     CLI_REAL,   NULL,                            0, 1,    1, "draw from the best tokens that hold this share together") \
    X(MIN_P,          "min-p",               0,  "P",     CLI_REAL,   NULL,                            0, 1,    1, "drop tokens below this share of the best one's") \
    X(REPETITION_PENALTY, "repetition-penalty", 0, "R",   CLI_REAL,   NULL,                            1e-6, 1000, 1, "weigh down what occurred (above 1); greedy decoding too") \
    X(SEED,           "seed",                0,  "N",     CLI_COUNT,  NULL,                            0, 9.2e18, 1, "seed of the draws; 0 (default when answering): another each time") \
    X(IGNORE_EOS,     "ignore-eos",          0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "go on past the end token (benchmarks)") \
    X(HISTORY,        "history",             0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "earlier turns: a JSON list of {\"role\",\"content\"}") \
    X(MESSAGES,       "messages",            0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "the conversation: a JSON list of {\"role\",\"content\"}") \
    X(PHRASE,         "phrase",             'p', "TEXT",  CLI_TEXT,   NULL,                            0, 0,    0, "what to look for; may be given several times") \
    X(KIND,           "kind",                0,  "K",     CLI_CHOICE, "auto region phrase",            0, 0,    0, "what a phrase is: a region or finding, or a sentence (auto: four words and more, or a final full stop)") \
    X(WORDING,        "wording",             0,  "TEXT",  CLI_TEXT,   NULL,                            0, 0,    0, "ask with these words instead of the model's usual question; {} stands for the phrase") \
    X(SUBSTRING_RULE, "substring-rule",      0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    1, "read findings as the published evaluation does: a name that occurs is present, negated or not") \
    X(SCORE,          "score",               0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    1, "give each finding a score: P(yes) / (P(yes) + P(no)) of one question, not calibrated unless --calibration is given") \
    X(SCORE_QUESTIONS, "score-questions",    0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    1, "questions that scores come from, instead of the model's usual ones") \
    X(CALIBRATION,    "calibration",         0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    1, "turns scores into calibrated ones") \
    X(DRAFTS,         "drafts",              0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    1, "answers to guess from, one a line; the answer is the same, only sooner") \
    X(NO_DRAFTS,      "no-drafts",           0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    1, "never guess ahead") \
    X(OVERLAY,        "overlay",             0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "write the film with the boxes as PNG; for several films: a folder") \
    X(TASK,           "task",                0,  "TASK",  CLI_CHOICE, "report classify ground ask all", 0, 0,   0, "what to do with each film; all: report, classify, and ground where there are phrases") \
    X(PROMPT,         "prompt",              0,  "TEXT",  CLI_TEXT,   NULL,                            0, 0,    0, "the question of --task ask") \
    X(OUTPUT,         "output",             'o', "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "where the result goes") \
    X(RESUME,         "resume",              0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "go on with the file of an earlier run; failed films are tried again") \
    X(JSON,           "json",                0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "results as JSON, one object a line") \
    X(QUIET,          "quiet",              'q', NULL,    CLI_SWITCH, NULL,                            0, 0,    1, "no progress, no notice on standard error") \
    X(TEXT_OPTION,    "text",                0,  "TEXT",  CLI_TEXT,   NULL,                            0, 0,    0, "text to turn into ids (control strings in it are parsed), or to look for in an index") \
    X(DECODE,         "decode",              0,  "IDS",   CLI_TEXT,   NULL,                            0, 0,    0, "ids, parted by commas, to turn into text") \
    X(NO_SPECIAL,     "no-special",          0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "leave special tokens out") \
    X(SIZE,           "size",                0,  "WxH",   CLI_TEXT,   NULL,                            0, 0,    0, "width and height of a film; may be given several times") \
    X(STAGE,          "stage",               0,  "STAGE", CLI_CHOICE, "tower projector rows",          0, 0,    0, "which rows: of the vision tower, the projector, or the packed ones the language model reads") \
    X(ALL,            "all",                 0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "every position, not only the last") \
    X(FAST,           "fast",                0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "headers only: do not read the values") \
    X(COUNT_OPTION,   "count",               0,  "K",     CLI_COUNT,  NULL,                            0, 10000000, 0, "how many (default 1; rows of bench search: 1000000)") \
    X(BITS,           "bits",                0,  "N",     CLI_CHOICE, "8 16",                          0, 0,    0, "depth of the PNG files (default 8)") \
    X(MIRROR,         "mirror",              0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "exchange left and right: pixels, boxes and words") \
    X(NOT_FILMS,      "not-films",           0,  "SHARE", CLI_REAL,   NULL,                            0, 1,    0, "share of pictures that are no film at all (default 0)") \
    X(SPLIT,          "split",               0,  "NAME",  CLI_TEXT,   NULL,                            0, 0,    0, "name of the split in the records") \
    X(ARCH,           "arch",                0,  "NAME",  CLI_TEXT,   NULL,                            0, 0,    0, "radvlm-7b (default), llava-onevision-0.5b, llava-rad-7b, tiny or llava-rad-tiny") \
    X(DTYPE,          "dtype",               0,  "TYPE",  CLI_CHOICE, "f16 bf16 f32",                  0, 0,    0, "type of the stored values (default f16); llava-rad has the published types") \
    X(TOKENIZER,      "tokenizer",           0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    0, "take the tokenizer of this folder instead of inventing one") \
    X(OUTLIERS,       "outliers",            0,  "N",     CLI_COUNT,  NULL,                            0, 4096, 0, "channels of each residual stream that run far larger") \
    X(LAYERS_VISION,  "layers-vision",       0,  "N",     CLI_COUNT,  NULL,                            0, 1000, 0, "fewer layers of the vision tower; 0 (default): as published") \
    X(LAYERS_TEXT,    "layers-text",         0,  "N",     CLI_COUNT,  NULL,                            0, 1000, 0, "fewer layers of the language model; 0 (default): as published") \
    X(SHARD_BYTES,    "shard-bytes",         0,  "BYTES", CLI_BYTES,  NULL,                            0, 0,    0, "most bytes of tensors in one file; 0 (default): as published, in convert 5 GB") \
    X(TOKENS,         "tokens",              0,  "N",     CLI_COUNT,  NULL,                            1, 1000000, 0, "tokens of the prompt (default 512), of the answer (decode: 64) or of the words (drift: 256); may be given several times") \
    X(REFERENCE,      "reference",           0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    0, "folder that f32 is computed from (default: the model itself)") \
    X(TILES,          "tiles",               0,  "N",     CLI_COUNT,  NULL,                            0, 4097, 0, "tiles of the tower's picture where no film is given; 0 (default): as many as a film can have, at most 31") \
    X(REPEAT,         "repeat",              0,  "R",     CLI_COUNT,  NULL,                            0, 100,  0, "passes that count; 0 (default): 5, for first answers 3") \
    X(TYPE,           "type",                0,  "TYPE",  CLI_CHOICE, "q8 q4",                         0, 0,    0, "round the language model's matrices to groups of 8 or 4 bits") \
    X(INDEX,          "index",               0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    1, "index of embeddings, as `thorax embed` makes it") \
    X(TEXTS,          "texts",               0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "texts to embed: one a line, or a JSON list of strings") \
    X(LIST,           "list",                0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "what belongs together: lines of a film, a tab and its text, or JSON objects {\"film\",\"text\",\"target\"}") \
    X(NEAREST,        "nearest",            'k', "N",     CLI_COUNT,  NULL,                            1, 1000000, 0, "how many rows of the index to show (default 10)") \
    X(LAYER,          "layer",               0,  "K",     CLI_COUNT,  NULL,                            0, 1024, 0, "rows behind this many layers; 0: the embeddings (default: all layers)") \
    X(CHECK,          "check",               0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "read all of the index and compare its checksums first") \
    X(EVAL_TASK,      "task",                0,  "LIST",  CLI_TEXT,   NULL,                            0, 0,    0, "tasks of the records to run, parted by commas: report, classify, ground, phrase, ask, conversation (default: all that the records have)") \
    X(DATA,           "data",                0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "records (docs/evaluation.md): what is asked, and what predictions are scored against") \
    X(METRIC,         "metric",              0,  "LIST",  CLI_TEXT,   NULL,                            0, 0,    0, "metrics, parted by commas (default: those that the data allow; docs/evaluation.md lists them)") \
    X(PRESET,         "preset",              0,  "NAME",  CLI_CHOICE, "radvlm llavarad llavarad-point radcliq-v0 radcliq-v1 green ratescore coco", 0, 0, 0, "the metrics of a paper, each with its settings") \
    X(REFERENCES,     "references",          0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "references, one a line, of predictions one a line") \
    X(COLUMNS,        "columns",             0,  "LIST",  CLI_TEXT,   NULL,                            0, 0,    0, "columns of a CSV file: prediction=NAME,reference=NAME,id=NAME …") \
    X(PREDICTION_KEY, "prediction-key",      0,  "NAME",  CLI_TEXT,   NULL,                            0, 0,    0, "key or column that holds the predictions (default: prediction, output, text)") \
    X(INPUT_FORMAT,   "input",               0,  "KIND",  CLI_CHOICE, "jsonl array csv lines",         0, 0,    0, "kind of the files (default: by name and first character)") \
    X(RESAMPLES,      "resamples",           0,  "N",     CLI_COUNT,  NULL,                            0, 1000000, 0, "resamples of each interval (default 1000; 0: no intervals)") \
    X(CONFIDENCE,     "confidence",          0,  "C",     CLI_REAL,   NULL,                            0.5, 0.9999, 0, "share that an interval holds (default 0.95)") \
    X(RESAMPLE_SEED,  "resample-seed",       0,  "N",     CLI_COUNT,  NULL,                            0, 4294967295.0, 0, "seed of the resamples (default 3)") \
    X(DOUBT,          "doubt",               0,  "HOW",   CLI_CHOICE, "present absent",                0, 0,    0, "what an uncertain label of the reference counts as (default present)") \
    X(BERTSCORE,      "bertscore",           0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "encoder folder of BERTScore (distilbert-base-uncased for RadVLM)") \
    X(BERTSCORE_LAYER, "bertscore-layer",    0,  "N",     CLI_COUNT,  NULL,                            0, 1000, 0, "layer of BERTScore; 0 (default): that of the kind of encoder") \
    X(BERTSCORE_IDF,  "bertscore-idf",       0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "BERTScore weighs tokens by the references at hand") \
    X(BERTSCORE_BASELINE, "bertscore-baseline", 0, "FILE", CLI_TEXT,  NULL,                            0, 0,    0, "rescale BERTScore by this file of baselines (LAYER,P,R,F)") \
    X(CHEXBERT,       "chexbert",            0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "folder with chexbert.pth and the files of bert-base-uncased") \
    X(RADGRAPH,       "radgraph",            0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "RadGraph's model: radgraph-xl or radgraph") \
    X(RADGRAPH_ENCODER, "radgraph-encoder",  0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "encoder folder of RadGraph's model, where it does not lie in it") \
    X(RADCLIQ,        "radcliq",             0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "encoder folder of RadCliQ's BERTScore (roberta-large, distilroberta-base)") \
    X(RATESCORE,      "ratescore",           0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "folder with RaTEScore's two models") \
    X(GREEN,          "green",               0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "GREEN's judge, run by this program") \
    X(ENDPOINT,       "endpoint",            0,  "URL",   CLI_TEXT,   NULL,                            0, 0,    1, "chat service that judges (OpenAI's form), http://localhost:8000; asked only for metrics or a preset that are named (docs/judges.md)") \
    X(ENDPOINT_MODEL, "endpoint-model",      0,  "NAME",  CLI_TEXT,   NULL,                            0, 0,    1, "name of the model there") \
    X(KEY_ENV,        "key-env",             0,  "NAME",  CLI_TEXT,   NULL,                            0, 0,    0, "environment variable that holds the service's key") \
    X(KEY_HEADER,     "key-header",          0,  "NAME",  CLI_TEXT,   NULL,                            0, 0,    0, "header for the key instead of Authorization: Bearer") \
    X(ALLOW_CLOUD,    "allow-cloud",         0,  "WHY",   CLI_TEXT,   NULL,                            0, 0,    0, "send reports to a public address, for this reason, which goes with the result") \
    X(ALLOW_HTTP,     "allow-http",          0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "unencrypted, to another machine") \
    X(CA_FILE,        "ca-file",             0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "certificates to trust instead of the system's") \
    X(IN_FLIGHT,      "in-flight",           0,  "N",     CLI_COUNT,  NULL,                            1, 256,  0, "questions to the service at a time (default 4)") \
    X(ANSWERS,        "answers",             0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    0, "keep the judge's answers in this folder, and do not ask again; it then holds patient-derived data") \
    X(PRICE_PROMPT,   "price-prompt",        0,  "X",     CLI_REAL,   NULL,                            0, 1e6,  0, "price of a million tokens asked") \
    X(PRICE_ANSWER,   "price-answer",        0,  "X",     CLI_REAL,   NULL,                            0, 1e6,  0, "price of a million tokens answered") \
    X(MAX_COST,       "max-cost",            0,  "X",     CLI_REAL,   NULL,                            0, 1e9,  0, "ask nothing that could cost more than this altogether") \
    X(JUDGE,          "judge",               0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    1, "model folder that judges instead of a service") \
    X(EXAMPLES,       "examples",            0,  "FILE",  CLI_TEXT,   NULL,                            0, 0,    0, "CheXprompt's block of examples, from your own copy of its source") \
    X(LAST_SCORE,     "last-score",          0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "conversations: the last score of a reply alone counts (published: all of them)") \
    X(NAME,           "name",                0,  "NAME",  CLI_TEXT,   NULL,                            0, 0,    0, "name of the system in tables (default: that of the file)") \
    X(SHARD,          "shard",               0,  "I/N",   CLI_TEXT,   NULL,                            0, 0,    0, "do the I-th of N parts (1 to N), split by films; slurm: as SLURM_ARRAY_TASK_ID and _COUNT say") \
    X(OWN_QUESTION,   "own-question",        0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "ask the model's usual question of a task instead of the record's") \
    X(NO_SCORES,      "no-metrics",          0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "predict only") \
    X(FORMAT,         "format",              0,  "F",     CLI_CHOICE, "text markdown latex csv json",  0, 0,    0, "form of the tables (default text)") \
    X(PLOTS,          "plots",               0,  "DIR",   CLI_TEXT,   NULL,                            0, 0,    0, "draw ROC, precision-recall and calibration curves into this folder, as SVG and PNG") \
    X(MAN,            "man",                 0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "the manual page, as troff source") \
    X(MARKDOWN,       "markdown",            0,  NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "all commands as Markdown (docs/cli.md)") \
    X(HELP,           "help",               'h', NULL,    CLI_SWITCH, NULL,                            0, 0,    0, "this text")

typedef enum cli_option_id {
    CLI_END, /* ends a command's list */
#define CLI_OPTION_ID(id, name, letter, argument, kind, choices, low, high, env, help) CLI_##id,
    CLI_OPTION_LIST(CLI_OPTION_ID)
#undef CLI_OPTION_ID
    CLI_OPTIONS
} cli_option_id;

typedef struct cli_option {
    const char *name;
    char        letter;   /* 0 = none */
    const char *argument; /* NULL for a switch */
    cli_kind    kind;
    const char *choices;  /* parted by blanks */
    double      low, high;
    bool        env;
    const char *help;
} cli_option;

const cli_option *cli_option_at(cli_option_id id);

/* THORAX_… for an option, into out; "" where the environment is not asked. */
void cli_option_env(char out[64], cli_option_id id);

/* ---- Values ---- */
typedef struct cli_given { cli_option_id id; const char *text; } cli_given;

typedef struct cli_values {
    const char              *command;  /* "inspect film" */
    const unsigned char     *options;  /* those of the command, ended by CLI_END */
    cli_given               *given;    /* in the order of the command line       */
    size_t                   n_given;
    char                   **operands;
    size_t                   n_operands;
} cli_values;

/* Reads argv[1..argc-1] for a command. THORAX_USAGE: an option the command does not have, a value missing or out
 * of range, on the command line or in the environment; THORAX_NOMEM. */
thorax_status cli_values_parse(cli_values *out, const char *command, const unsigned char *options, int argc, char **argv,
                               thorax_error *err);
void          cli_values_deinit(cli_values *v);

/* The last one given, else the environment's, else NULL (false). */
const char *cli_text(const cli_values *v, cli_option_id id);
bool        cli_switch(const cli_values *v, cli_option_id id);
uint64_t    cli_count(const cli_values *v, cli_option_id id, uint64_t fallback); /* COUNT and BYTES */
double      cli_real(const cli_values *v, cli_option_id id, double fallback);

/* All values of a repeated option, in their order: start with *at = 0; NULL at the end. */
const char *cli_next(const cli_values *v, cli_option_id id, size_t *at);

/* "1.5G" → bytes; false when it is not a size. */
bool cli_parse_bytes(uint64_t *out, const char *text);

#endif
