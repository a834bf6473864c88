/* What BERTScore reads of a text; see bertscore.h. */
#include "metrics/bertscore.h"

#include "text/utf8.h"

#include <string.h>

/* Runs of U+0020 become one, in place. */
static void collapse(thx_string *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->size; i++)
        if (s->data[i] != ' ' || !n || s->data[n - 1] != ' ') s->data[n++] = s->data[i];
    s->size = n;
}

thorax_status thx_bertscore_ids(const thx_text_encoder *e, const thx_bertscore_settings *s, const char *text,
                                thx_ids *ids, thorax_error *err)
{
    const thx_text_kind kind = thx_text_encoder_kind(e);
    thx_string          plain = { 0 };
    thorax_status       st = THORAX_OK;

    if (kind == THX_TEXT_ROBERTA) thx_string_puts(&plain, " "); /* room for the blank before a text */
    const size_t blank = plain.size;
    thx_utf8_repair(&plain, text, strlen(text));
    if (plain.failed) {
        thx_string_deinit(&plain);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a text");
    }
    if (s->collapse_blanks) collapse(&plain);
    const size_t before = thx_blanks_before(plain.data ? plain.data : "", plain.size);
    const size_t behind = before < plain.size ? thx_blanks_behind(plain.data, plain.size) : 0;
    const size_t size = plain.size - before - behind;
    if (size && blank) plain.data[before - 1] = ' ';
    if (size || kind != THX_TEXT_MODERNBERT)
        st = thx_text_encoder_ids(e, size ? plain.data + before - blank : "", size ? size + blank : 0, 0, true, ids,
                                  err);
    thx_string_deinit(&plain);
    return st;
}
