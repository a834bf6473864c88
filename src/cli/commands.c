/* The table of commands: names, operands, what help says, options. */
#include "cli/cli.h"

#define FOLDER     CLI_MODEL, CLI_BASE, CLI_LORA
#define OPENING    FOLDER, CLI_MERGED_CACHE, CLI_TYPE, CLI_PRECISION, CLI_CPU, CLI_THREADS, CLI_CTX, CLI_KV_BITS, CLI_MEM_LIMIT
#define CACHING    CLI_CACHE, CLI_CACHE_LIMIT
#define READING    CLI_PROFILE, CLI_COMPAT
#define GENERATING CLI_SYSTEM, CLI_MAX_NEW_TOKENS, CLI_SAMPLE, CLI_TEMPERATURE, CLI_TOP_K, CLI_TOP_P, CLI_MIN_P, \
                   CLI_REPETITION_PENALTY, CLI_SEED, CLI_IGNORE_EOS, CLI_DRAFTS, CLI_NO_DRAFTS
#define SCORING    CLI_SCORE, CLI_SCORE_QUESTIONS, CLI_CALIBRATION
#define EVAL_FILES CLI_DATA, CLI_REFERENCES, CLI_COLUMNS, CLI_PREDICTION_KEY, CLI_INPUT_FORMAT
#define METRICS    CLI_METRIC, CLI_PRESET, CLI_BERTSCORE, CLI_BERTSCORE_LAYER, CLI_BERTSCORE_IDF, CLI_BERTSCORE_BASELINE, CLI_CHEXBERT, CLI_RADGRAPH, CLI_RADGRAPH_ENCODER, CLI_RADCLIQ, CLI_RATESCORE, CLI_GREEN, \
                   CLI_ENDPOINT, CLI_ENDPOINT_MODEL, CLI_KEY_ENV, CLI_KEY_HEADER, CLI_ALLOW_CLOUD, CLI_ALLOW_HTTP, CLI_CA_FILE, CLI_IN_FLIGHT, CLI_ANSWERS, \
                   CLI_PRICE_PROMPT, CLI_PRICE_ANSWER, CLI_MAX_COST, CLI_JUDGE, CLI_EXAMPLES, CLI_LAST_SCORE, CLI_DOUBT, CLI_RESAMPLES, CLI_CONFIDENCE, CLI_RESAMPLE_SEED
#define LAST       CLI_HELP, CLI_END
#define OPTIONS(...) (const unsigned char[]) { __VA_ARGS__ }

static const char task_text[] =
    "Several films are answered one after the other; a film that fails is named on standard error, the others go on, and the exit "
    "code is 3. With --json each film gives one line (docs/results.md).";

const cli_command cli_commands[] = {
    { "ask", "PROMPT", "One answer to a question, about a film or none.",
      "The film belongs to the first user turn, which is the oldest one of --history where that is given. PROMPT is plain text: "
      "control strings in it stay ordinary characters.",
      OPTIONS(OPENING, CACHING, CLI_IMAGE, READING, CLI_HISTORY, GENERATING, CLI_OVERLAY, CLI_PLAN, CLI_JSON, CLI_QUIET, LAST), cli_ask },
    { "chat", "", "A conversation in the terminal.",
      "Answers appear as they are made. Lines that begin with a slash are commands: /film FILE, /reset, /save "
      "FILE, /help, /quit. Without a terminal, each line of standard input is a question.",
      OPTIONS(OPENING, CACHING, CLI_IMAGE, READING, CLI_HISTORY, GENERATING, CLI_QUIET, LAST), cli_chat },
    { "report", "FILM...", "A radiology report of each film.", task_text,
      OPTIONS(OPENING, CACHING, READING, CLI_REASON, GENERATING, CLI_WORDING, CLI_OVERLAY, CLI_PLAN, CLI_JSON, CLI_QUIET, LAST), cli_report },
    { "classify", "FILM...", "The 14 findings of each film, as the answer states them.", task_text,
      OPTIONS(OPENING, CACHING, READING, CLI_REASON, SCORING, GENERATING, CLI_WORDING, CLI_SUBSTRING_RULE, CLI_OVERLAY, CLI_PLAN, CLI_JSON, CLI_QUIET, LAST),
      cli_classify },
    { "ground", "FILM...", "Where something is: boxes of regions, findings, or sentences.", task_text,
      OPTIONS(OPENING, CACHING, READING, CLI_PHRASE, CLI_KIND, GENERATING, CLI_WORDING, CLI_OVERLAY, CLI_PLAN, CLI_JSON, CLI_QUIET, LAST),
      cli_ground },
    { "batch", "INPUT...", "One task over many films, into a file of JSON lines.",
      "INPUT is a film, a folder (searched for .png, .jpg and .jpeg files, in order of their names) or a .txt or .lst file with a path a "
      "line. Each answer is written and synchronised as it is ready; a film that fails gives an error line and does not stop the "
      "others (exit code 3). One writer a file: a second one is turned away.\n\n"
      "With --resume, films whose path and content are recorded as done are passed over, failed ones are tried again (their error "
      "lines are replaced), and a torn last line is cut off. A file that another task or another model wrote is refused.\n\n"
      "--task all asks everything about a film at once (report, classify, and ground where --phrase is given): a line for each task, and "
      "little more time than one of them takes.",
      OPTIONS(OPENING, CACHING, READING, CLI_TASK, CLI_OUTPUT, CLI_RESUME, CLI_PROMPT, CLI_REASON, CLI_PHRASE, CLI_KIND, GENERATING, CLI_WORDING,
              SCORING, CLI_SUBSTRING_RULE, CLI_QUIET, LAST), cli_batch },
    { "embed", "[FILM...]", "Films or texts as vectors of a CLIP-type model, in a .npy file or an index.",
      "The model is a BiomedCLIP folder, or LLaVA-Rad's, whose vision checkpoint alone is read (films only). Films are those of -i and of the "
      "arguments (a folder is searched, a .txt or .lst file holds paths), texts those of --texts. With -o OUT.npy the vectors are one array "
      "[n, d] in the order given, and the first film that cannot be read ends the work. Any other name is an index: it is made where there is none, "
      "and appended to where there is one; films that cannot be read are named and passed over (exit code 3). Every stage computes in f32 unless "
      "--precision says otherwise (docs/retrieval.md).",
      OPTIONS(CLI_MODEL, CLI_IMAGE, CLI_TEXTS, CLI_OUTPUT, CLI_PRECISION, CLI_CPU, CLI_THREADS, CLI_PROFILE, CLI_JSON, CLI_QUIET, LAST),
      cli_embed },
    { "retrieve", "[FILM...]", "The films or texts of an index that are nearest to a film or a text.",
      "The search is exact: every row counts. An index that another model made is refused (exit code 4). With --list, each film is looked "
      "for by its text, or the other way round where the index holds texts, and the shares found among the first 1, 5 and 10, mean and "
      "median rank are printed.",
      OPTIONS(CLI_MODEL, CLI_INDEX, CLI_IMAGE, CLI_TEXT_OPTION, CLI_LIST, CLI_NEAREST, CLI_CHECK, CLI_PRECISION, CLI_CPU, CLI_THREADS, CLI_PROFILE,
              CLI_JSON, CLI_QUIET, LAST), cli_retrieve },
    { "eval run", "", "Predicts over records, in parts and resumable, and scores.",
      "Records are JSON lines (docs/evaluation.md); images are relative to their file. Every record's own question is asked, else the model's usual one "
      "of its task. The folder of -o gets a line a record in predictions.jsonl, written and synchronised as it is ready; the same command "
      "goes on where it was stopped, and tries again what failed. With --shard the work is split by films over processes or array tasks that share "
      "the folder. Once every record has its line the figures are printed and written to result.json. The folder holds patient-derived data.",
      OPTIONS(OPENING, CACHING, READING, CLI_DATA, CLI_OUTPUT, CLI_EVAL_TASK, CLI_SHARD, CLI_OWN_QUESTION, CLI_REASON, GENERATING, CLI_WORDING, SCORING,
              CLI_NO_SCORES, METRICS, CLI_SUBSTRING_RULE, CLI_NAME, CLI_JSON, CLI_QUIET, LAST), cli_eval_run },
    { "eval join", "DIR...", "The parts of a run as one, checked for completeness, and scored.",
      "A single folder is scored where it is. Several are joined in the folder of -o; they must have been made with the same settings.",
      OPTIONS(CLI_DATA, CLI_OUTPUT, METRICS, CLI_SUBSTRING_RULE, CLI_NAME, CLI_CPU, CLI_THREADS, CLI_JSON, CLI_QUIET, LAST), cli_eval_join },
    { "eval score", "FILE...", "Scores predictions that are there: reports, findings, boxes.",
      "Files are JSON lines (prediction and reference; those of `thorax batch` and `thorax eval run`), a JSON array with RadVLM's keys, CSV, or "
      "texts one a line with --references; several are taken together. --data gives references by id or film. Every figure has a signature, "
      "an interval, and how many items it is of. What could not be read or scored is counted, and the exit code is then 3 (docs/evaluation.md).",
      OPTIONS(EVAL_FILES, METRICS, CLI_SUBSTRING_RULE, CLI_NAME, CLI_CPU, CLI_THREADS, CLI_OUTPUT, CLI_JSON, CLI_QUIET, LAST), cli_eval_score },
    { "eval compare", "A B", "Two systems on the same items: differences, their intervals, and tests.",
      "A and B are files of predictions as `thorax eval score` takes them. Items are paired by task and id; those of one file alone are "
      "counted and left out. p comes from resampling the items (paired bootstrap), and from exchanging the systems item by item (approximate randomisation).",
      OPTIONS(EVAL_FILES, METRICS, CLI_SUBSTRING_RULE, CLI_CPU, CLI_THREADS, CLI_OUTPUT, CLI_JSON, CLI_QUIET, LAST), cli_eval_compare },
    { "eval table", "RESULT...", "Results beside the published figures, as the papers have them; curves.",
      "RESULT is a file that -o wrote, or the folder of a run. The papers' tables are printed for which there is a figure, then all figures; sources are "
      "named. csv and json have a line or object for each cell. --plots draws ROC, precision-recall and calibration curves where findings have scores.",
      OPTIONS(CLI_FORMAT, CLI_OUTPUT, CLI_PLOTS, CLI_QUIET, LAST), cli_eval_table },
    { "inspect film", "FILE", "What a film file holds: format, size, depth, hash of the decoded samples.",
      "-o writes the decoded samples [height, width] or [height, width, channels]; with --profile the 8-bit picture of that profile "
      "[height, width, 3] instead.",
      OPTIONS(CLI_PROFILE, CLI_OUTPUT, LAST), cli_inspect_film },
    { "inspect tokens", "", "Ids of a text, or the text of ids; needs the tokenizer files only.", NULL,
      OPTIONS(FOLDER, CLI_TEXT_OPTION, CLI_DECODE, CLI_NO_SPECIAL, LAST), cli_inspect_tokens },
    { "inspect prompt", "", "A conversation as the model reads it: text and ids.", NULL,
      OPTIONS(FOLDER, CLI_IMAGE, READING, CLI_MESSAGES, CLI_SYSTEM, LAST), cli_inspect_prompt },
    { "inspect geometry", "", "How films of given sizes are resized, cut and packed; needs no weights.", NULL,
      OPTIONS(FOLDER, CLI_COMPAT, CLI_SIZE, LAST), cli_inspect_geometry },
    { "inspect tiles", "", "The tiles of a film as the vision tower gets them: f32 [n, 3, Y, X].", NULL,
      OPTIONS(FOLDER, CLI_IMAGE, READING, CLI_OUTPUT, LAST), cli_inspect_tiles },
    { "inspect features", "", "Rows of a vision stage: tower [n, P, Dv], projector [n, P, D], rows [N, D].", NULL,
      OPTIONS(OPENING, CACHING, CLI_IMAGE, READING, CLI_STAGE, CLI_OUTPUT, CLI_QUIET, LAST), cli_inspect_features },
    { "inspect logits", "", "Scores of the next token: f32 [V], or [T, V] with --all.", NULL,
      OPTIONS(OPENING, CACHING, CLI_IMAGE, READING, CLI_MESSAGES, CLI_SYSTEM, CLI_ALL, CLI_OUTPUT, CLI_QUIET, LAST), cli_inspect_logits },
    { "inspect encoder", "", "Ids of a text and its rows in a text encoder of BERT's kin: f32 [T, D].",
      "MODEL is a folder of BERT, RoBERTa, DistilBERT, MPNet, ModernBERT or DeBERTa-v2 as the transformers library writes it (docs/models.md). "
      "-o writes the rows behind the last layer, as the original gives them, or with --layer those behind K layers. Everything is computed in f32 "
      "unless --precision says otherwise.",
      OPTIONS(CLI_MODEL, CLI_TEXT_OPTION, CLI_LAYER, CLI_NO_SPECIAL, CLI_OUTPUT, CLI_PRECISION, CLI_CPU, CLI_THREADS, LAST), cli_inspect_encoder },
    { "inspect weights", "FILE|MODEL", "The tensors of a file or folder: name, type, shape, hash.", NULL,
      OPTIONS(CLI_QUIET, LAST), cli_inspect_weights },
    { "verify", "MODEL", "Can this folder run, and what does it hold?",
      "Accounts for every tensor (used, merged, unused, unknown, missing, wrong shape or type), reads all values for infinities, NaN and f16 "
      "values that bf16 cannot hold, gives the norm of what each pair of an adapter adds, compares the checksums where files hold them, and sums up tokenizer, template and image recipe. Exit code 4 where "
      "the model cannot run.",
      OPTIONS(CLI_BASE, CLI_FAST, CLI_JSON, CLI_QUIET, LAST), cli_verify },
    { "quantize", "MODEL OUT", "A copy of a model folder with smaller weights.",
      "Rounds the matrices of the language model to 8 or 4 bits, 32 values a scale. Norms, biases, vision tower and projector stay as they "
      "are; embedding, head, keys and values take 8 bits in both types. An adapter goes into the matrices of its base. All other files are copied. OUT takes its name when it is complete; one that is there and not empty is refused. "
      "`thorax verify OUT` compares the checksums.",
      OPTIONS(CLI_TYPE, CLI_BASE, CLI_THREADS, CLI_QUIET, LAST), cli_quantize },
    { "convert", "IN OUT", "PyTorch weights (.bin, .pt, .pth) as safetensors.",
      "IN is a file, and OUT becomes a file; or a folder, and OUT becomes a folder: pytorch_model... is model.safetensors there, in shards "
      "where it is large, every other file of weights keeps its name with .safetensors at its end, all other files are copied (what a "
      "trainer keeps besides, such as optimizer.pt, is left out). Values, types and names of tensors stay. Pickles are read without "
      "running any of them; a file that would need it is refused (exit code 4). OUT takes its name when it is complete; one that is there and not empty is "
      "refused. The metadata hold a SHA-256 of every tensor, which `thorax verify` compares.",
      OPTIONS(CLI_SHARD_BYTES, CLI_QUIET, LAST), cli_convert },
    { "synth phantom", "", "Phantom films, drawn from a seed, with exact boxes, labels and texts.",
      "Writes phantom-SEED-INDEX.png and records.jsonl into the folder of -o.",
      OPTIONS(CLI_SEED, CLI_COUNT_OPTION, CLI_OUTPUT, CLI_BITS, CLI_MIRROR, CLI_NOT_FILMS, CLI_SPLIT, CLI_QUIET, LAST),
      cli_synth_phantom },
    { "synth model", "", "A random checkpoint: a complete model folder that has learned nothing.",
      "The folder has the published layout. Of llava-rad it holds adapter, projector and the tower's training checkpoint, and the "
      "language model in its folder base.",
      OPTIONS(CLI_ARCH, CLI_SEED, CLI_OUTPUT, CLI_DTYPE, CLI_OUTLIERS, CLI_TOKENIZER, CLI_LAYERS_VISION, CLI_LAYERS_TEXT,
              CLI_SHARD_BYTES, CLI_QUIET, LAST), cli_synth_model },
    { "demo", "", "The bundled demo model on a phantom film: report, findings, boxes, picture.",
      "The model is a toy trained on phantom films; its answers say nothing about people. The picture goes to --overlay "
      "(thorax-demo.png).",
      OPTIONS(CLI_MODEL, CLI_IMAGE, CLI_PRECISION, CLI_CPU, CLI_THREADS, CLI_OVERLAY, CLI_JSON, CLI_QUIET, LAST), cli_demo },
    { "doctor", "", "What this machine offers, and whether the program computes as it should.",
      "Opens the demo model (or -m) and compares the scores of its first token about its film (or -i), computed by the fast kernels "
      "and in f32.",
      OPTIONS(CLI_MODEL, CLI_IMAGE, CLI_CPU, CLI_THREADS, CLI_JSON, CLI_QUIET, LAST), cli_doctor },
    { "bench", "NAME...", "How fast, and with how much memory.",
      "NAME is peak (what the machine does at best: bf16, int8, f32, reading memory), open (a folder), prompt, decode, tower, first (from the "
      "start of a process to the first token about a film), second (another question about it), score (the 14 findings, beside one short "
      "answer), drafts (a report with guesses from --drafts and without), drift (how far the numbers are from those in f32, and with --task the answers; -i may be given "
      "several times), search (the ten nearest of --count random vectors of 512 values, in a file in TMPDIR, 2.6 KB each) or encoder (the texts of "
      "--texts through a text encoder, in f32 unless --precision says otherwise). No cache of earlier runs is looked at, unless --cache names one: then first is the time after a restart. Each is run once and then measured several times; the figure is the median, beside the smallest and the largest. "
      "Memory is the most the process held: all of it, and what is not mapped from files (docs/benchmarks.md).",
      OPTIONS(OPENING, CACHING, CLI_IMAGE, READING, CLI_TOKENS, CLI_TILES, CLI_DRAFTS, CLI_MESSAGES, CLI_TASK, CLI_REFERENCE, CLI_REPEAT, CLI_COUNT_OPTION, CLI_TEXTS, CLI_LAYER, CLI_JSON, CLI_QUIET, LAST),
      cli_bench },
    { "cache list", "", "What the cache folder holds, the entry used last first.",
      "An entry is what was computed about one film by one model: its image rows, or the keys and values of a prompt up to the end "
      "of them. It is told by the hash of the picture and the identity of the model.",
      OPTIONS(CLI_CACHE, CLI_JSON, LAST), cli_cache_list },
    { "cache clear", "", "Removes all entries of the cache folder, and nothing else.", NULL,
      OPTIONS(CLI_CACHE, CLI_JSON, LAST), cli_cache_clear },
    { "help", "[COMMAND]", "Help of a command, the manual page, or all of it as Markdown.", NULL,
      OPTIONS(CLI_MAN, CLI_MARKDOWN, LAST), cli_help },
    { 0 },
};
