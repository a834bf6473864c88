/* LLaVA-Rad's question for a report, as its loader makes it (mimic_*_findings) and its evaluator
 * trims it (model_mimic_cxr.py). */
#include "text/text.h"
#include "text/utf8.h"

#include <string.h>

/* Appends text without any "<image>". */
static void add_without_marks(thx_string *out, const char *text)
{
    static const char mark[] = "<image>";

    for (const char *next; (next = strstr(text, mark)); text = next + sizeof mark - 1)
        thx_string_add(out, text, (size_t)(next - text));
    thx_string_puts(out, text);
}

thorax_status thx_question_rad(thx_string *out, const char *reason, thorax_error *err)
{
    thx_string said = { 0 };
    const size_t first = out->size;

    thx_string_puts(out, "Provide a description of the findings in the radiology image");
    if (reason) {
        thx_utf8_repair(&said, reason, strlen(reason));
        for (size_t i = 0; i < said.size; i++)
            if (said.data[i] == '\n') said.data[i] = ' ';
        thx_string_puts(out, " given the following indication: ");
        if (said.size) add_without_marks(out, said.data);
    } else {
        thx_string_puts(out, "."); /* the original has none behind a reason */
    }
    out->failed |= said.failed;
    thx_string_deinit(&said);
    if (out->failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the question");
    out->size -= thx_blanks_behind(out->data + first, out->size - first);
    out->data[out->size] = 0;
    return THORAX_OK;
}
