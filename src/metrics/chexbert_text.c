/* Cleaning before CheXbert; see chexbert_text.h. */
#include "metrics/chexbert_text.h"
#include "metrics/words.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Appends text without the digit-and-point pairs, found from left to right. */
static void drop_pairs(thx_string *out, const char *text, size_t size)
{
    size_t kept = 0;

    for (size_t i = 0; i + 1 < size; i++) {
        if (!is_digit(text[i]) || text[i + 1] != '.') continue;
        thx_string_add(out, text + kept, i - kept);
        kept = i + 2;
        i++;
    }
    thx_string_add(out, text + kept, size - kept);
}

/* Appends the words of valid UTF-8, parted by one blank. */
static void join_words(thx_string *out, const char *text, size_t size)
{
    const char *word;
    size_t      n;

    for (bool first = true; thx_next_word(&text, &size, &word, &n); first = false) {
        if (!first) thx_string_add(out, " ", 1);
        thx_string_add(out, word, n);
    }
}

void thx_chexbert_clean(thx_string *out, const char *text, size_t size, thx_chexbert_form form)
{
    thx_string part = { 0 };

    thx_string_add(out, "", 0); /* so that a text without words gives an empty string */
    if (form == THX_CHEXBERT_LIST)
        drop_pairs(&part, text, size);
    else
        thx_string_add(&part, text, size);
    if (part.failed) out->failed = true;
    if (part.size && thx_utf8_valid(part.data, part.size)) {
        join_words(out, part.data, part.size);
    } else if (part.size) {
        thx_string repaired = { 0 };
        thx_utf8_repair(&repaired, part.data, part.size);
        out->failed |= repaired.failed;
        if (repaired.size) join_words(out, repaired.data, repaired.size);
        thx_string_deinit(&repaired);
    }
    thx_string_deinit(&part);
}
