/* Text: tokenizer, chat template, and what answers are made of.
 *
 * User text never becomes control tokens: only encode with `control` set looks for the added
 * tokens in its text; the template renderer alone uses that, on strings of its own. */
#ifndef THX_TEXT_TEXT_H
#define THX_TEXT_TEXT_H

#include "base/string.h"

/* ---- Ids: grows like a string ---- */
typedef struct thx_ids { int32_t *data; size_t size, room; bool failed; } thx_ids;
void thx_ids_add(thx_ids *ids, int32_t id);
void thx_ids_deinit(thx_ids *ids);

/* ---- Tokenizer ----
 * Byte-level BPE of Qwen2, GPT-2, RoBERTa, ModernBERT (tokenizer.json, or vocab.json + merges.txt), SentencePiece
 * BPE of Llama and Vicuna (tokenizer.model), WordPiece of BERT and MPNet (vocab.txt), Unigram of DeBERTa-v2
 * (tokenizer.json, or spm.model, which is read as the fast class reads it). */
typedef struct thx_tokenizer thx_tokenizer;

/* THORAX_IO: no tokenizer files; THORAX_FORMAT: broken or of a kind that is not known (named);
 * THORAX_NOMEM. */
thorax_status thx_tokenizer_open(thx_tokenizer **out, const char *folder, thorax_error *err);
/* The same as transformers' fast class opens it: tokenizer.json rules where there is one. */
thorax_status thx_tokenizer_open_fast(thx_tokenizer **out, const char *folder, thorax_error *err);
void          thx_tokenizer_close(thx_tokenizer *t);

/* Appends the ids of text [size]. `control`: added tokens in the text are parsed, as the original
 * does. Invalid UTF-8 becomes U+FFFD first. Thread-safe. THORAX_NOMEM; THORAX_LIMIT: the folder's
 * split pattern takes too long (Qwen2's own never does). */
thorax_status thx_tokenizer_encode(const thx_tokenizer *t, const char *text, size_t size,
                                   bool control, thx_ids *ids, thorax_error *err);

/* The same for plain text that stands behind a control token of the same text: SentencePiece puts no
 * blank before it there. */
thorax_status thx_tokenizer_continue(const thx_tokenizer *t, const char *text, size_t size,
                                     thx_ids *ids, thorax_error *err);

/* A whole text as the original's call gives it, with what belongs around it: <s> before it (Llama),
 * [CLS] and [SEP] (BERT). `most` > 0: the text is cut so that no more ids than that are appended, as
 * truncation does. THORAX_USAGE: `most` is less than what stands around. */
thorax_status thx_tokenizer_encode_whole(const thx_tokenizer *t, const char *text, size_t size,
                                         bool control, size_t most, thx_ids *ids, thorax_error *err);

/* What stands around a whole text: <s> or [CLS] before it, </s> or [SEP] behind it; -1 = nothing. */
int32_t thx_tokenizer_first(const thx_tokenizer *t);
int32_t thx_tokenizer_last(const thx_tokenizer *t);

/* What rows of unequal length are filled up with behind; -1 when there is none. */
int32_t thx_tokenizer_pad(const thx_tokenizer *t);

/* What ends a text, by the folder's eos_token; -1 when it names none. */
int32_t thx_tokenizer_eos(const thx_tokenizer *t);

/* Is it of the Llama kind (tokenizer.model, or a tokenizer.json with byte_fallback)? */
bool thx_tokenizer_is_sentencepiece(const thx_tokenizer *t);

/* Appends the text of ids; bytes that are not UTF-8 become U+FFFD as Python's errors="replace" (of
 * SentencePiece's byte pieces each becomes one). Unknown ids give nothing. skip_special leaves added
 * tokens marked special out. */
thorax_status thx_tokenizer_decode(const thx_tokenizer *t, const int32_t *ids, size_t n,
                                   bool skip_special, thx_string *out, thorax_error *err);

/* The same as transformers' fast class does it: of the Llama kind a run of byte pieces that is not UTF-8 as a whole becomes
 * one U+FFFD a byte, and the first blank of the text is dropped, special tokens or not. `clean`: then the library's
 * clean-up, which takes the blank away before . ? ! , and before n't, 'm, 's, 've, 're, and those around '. */
thorax_status thx_tokenizer_decode_fast(const thx_tokenizer *t, const int32_t *ids, size_t n, bool skip_special, bool clean,
                                        thx_string *out, thorax_error *err);

/* The id of an added token or vocabulary entry; -1 when there is none. Number of ids
 * (largest + 1). */
int32_t thx_tokenizer_id(const thx_tokenizer *t, const char *token);
size_t  thx_tokenizer_size(const thx_tokenizer *t);

/* Streaming: bytes of new ids go in, whole characters come out; an incomplete UTF-8 tail is held
 * back until more comes or `end`. */
typedef struct thx_stream {
    const thx_tokenizer *tokenizer;
    bool skip_special;
    bool begun; /* something came out */
    unsigned char held[8];
    size_t n_held;
} thx_stream;
void thx_stream_add(thx_stream *s, int32_t id, thx_string *out);
void thx_stream_end(thx_stream *s, thx_string *out);

/* ---- Chat template, recognised by content ---- */
typedef struct thx_template thx_template;
/* role: system, user, assistant; content is plain text */
typedef struct thx_message { const char *role, *content; } thx_message;

/* The folder's own template, by the original's precedence: chat_template.json, chat_template.jinja,
 * the key in processor_config.json, and only then tokenizer_config.json. These shapes are known:
 * content as a list (llava-onevision, llava-hf), ChatML (qwen2, chatml), a branch for each role
 * (green, green-phi); their strings are read from the file. THORAX_FORMAT: template not known (the text says which file and names those that
 * are). THORAX_IO: the folder has none. */
thorax_status thx_template_open(thx_template **out, const char *folder, thorax_error *err);

/* One of ours by name: "llava-onevision" (RadVLM), "llava-hf", "qwen2" (also LLaVA-NeXT's qwen_1_5:
 * with its system turn), "chatml" (without), "green" and "green-phi" (the judges'; they differ in the
 * token that ends a turn), "v1" (Vicuna's, of LLaVA-Rad). For folders without one.
 * THORAX_USAGE: no such name. */
thorax_status thx_template_builtin(thx_template **out, const char *name, thorax_error *err);

/* Appends a Jinja template that does the same, for folders that we write. */
void thx_template_print(thx_string *out, const thx_template *t);

void          thx_template_close(thx_template *t);
/* A known name, or "lists" or "plain" for a known shape with other strings. */
const char   *thx_template_name(const thx_template *t);

typedef struct thx_prompt {
    thx_string text;         /* as the template renders it, one "<image>" for a film            */
    thx_ids    ids;          /* the placeholder id image_tokens times                           */
    size_t     image_at;     /* index of the first placeholder in ids (when image_tokens > 0)   */
    size_t     image_tokens;
} thx_prompt;

/* Renders messages and the start of the answer. image_tokens 0 = no film; else the film stands in
 * the first user turn. image_id: id of the placeholder. THORAX_USAGE: no message, an unknown role,
 * an order the template refuses; a film without a user turn. THORAX_MODEL: t is NULL, for a folder whose
 * template is not known. */
thorax_status thx_template_render(thx_prompt *out, const thx_template *t,
                                  const thx_tokenizer *tokenizer, const thx_message *messages,
                                  size_t n, size_t image_tokens, int32_t image_id,
                                  thorax_error *err);
void thx_prompt_deinit(thx_prompt *p);

/* LLaVA-Rad's question for a report: without `reason` (NULL), or with the reason of the examination,
 * which may be empty. Line breaks in it become blanks, "<image>" and blanks at its end vanish, as the
 * published evaluation does it. Appends. THORAX_NOMEM. */
thorax_status thx_question_rad(thx_string *out, const char *reason, thorax_error *err);

/* ---- Findings in text ---- */
enum { THX_FINDINGS = 14 };
/* CheXpert's names; the last is "No Finding". */
extern const char *const thx_finding_names[THX_FINDINGS];
typedef enum thx_presence { THX_UNSAID = -1, THX_ABSENT = 0, THX_PRESENT = 1 } thx_presence;

/* Negation-aware reading of a free text: synonyms, negation scope ("no", "without", "free of", "no
 * evidence of a, b or c"), resolved/absent forms, normal statements ("heart size is normal": no
 * cardiomegaly). Doubt counts as present, as in the published training data (-1 became 1). Present
 * anywhere outweighs absent elsewhere. "No Finding" is present where the text calls the film normal
 * or free of abnormalities, which makes all other findings but devices absent, and absent where any
 * finding but devices is present. */
void thx_findings_parse(thx_presence out[THX_FINDINGS], const char *text);
/* The rule of the published evaluation: a label is present iff its lower-case name is a substring
 * of the lower-case text (all others absent). "No Finding" is never emitted: absent. */
void thx_findings_substring(thx_presence out[THX_FINDINGS], const char *text);
/* That rule for one name: is it in the text, whatever the case of ASCII letters? */
bool thx_finding_named(const char *text, const char *name);
/* "a, b and c", lower case; "No Finding" is never printed. */
void thx_findings_print(thx_string *out, const thx_presence present[THX_FINDINGS]);

/* ---- Boxes in text ---- */
/* Shares of width and height, origin top-left. */
typedef struct thx_box { double x1, y1, x2, y2; } thx_box;

/* Finds "[x1, y1, x2, y2]" (inner spaces, signs and more digits are accepted), clamps to 0..1,
 * drops x2<=x1 or y2<=y1. Returns the number found, writes at most room. `strict`: exactly the
 * published pattern, no clamping, nothing dropped (a malformed number such as 1.2.3 gives
 * SIZE_MAX). */
size_t thx_boxes_parse(thx_box *out, size_t room, const char *text, bool strict);
/* As the training data prints them: two decimals at most, trailing zeros dropped to one ("0.5",
 * "1.0"); several joined "a, b and c". */
void thx_boxes_print(thx_string *out, const thx_box *boxes, size_t n);

#endif
