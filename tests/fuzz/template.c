/* Chat templates: the input is Jinja source, and what users write in the conversation. */
#include "text/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static thx_tokenizer *open_tokenizer(void)
{
    const char *root = getenv("THORAX_SOURCE");
    char path[1024];
    thx_tokenizer *t;

    snprintf(path, sizeof path, "%s/tests/data/tokenizer", root ? root : ".");
    if (thx_tokenizer_open(&t, path, NULL)) abort();
    return t;
}

static void render(const thx_template *t, const thx_tokenizer *tokenizer, const char *text)
{
    const thx_message messages[] = { { "user", text }, { "assistant", "" }, { "user", text } };
    thx_prompt p;

    if (thx_template_render(&p, t, tokenizer, messages, 3, 3, 462, NULL))
        abort(); /* any text is taken */
    thx_prompt_deinit(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static thx_tokenizer *tokenizer;
    char *text = malloc(size + 1);
    thx_template *t = calloc(1, sizeof *t), *known;

    if (!tokenizer) tokenizer = open_tokenizer();
    if (!text || !t) abort();
    if (size) memcpy(text, data, size);
    text[size] = 0;
    if (!thx_chat_read(t, text, "</s>", NULL)) {
        thx_string printed = { 0 };
        render(t, tokenizer, "x");
        thx_template_print(&printed, t);
        thx_template_close(t);
        t = calloc(1, sizeof *t);
        if (thx_chat_read(t, printed.data, NULL, NULL)) abort(); /* what we print, we know */
        thx_string_deinit(&printed);
    }
    for (int i = 0; i < 2; i++) {
        if (thx_template_builtin(&known, i ? "v1" : "qwen2", NULL)) abort();
        render(known, tokenizer, text);
        thx_template_close(known);
    }
    thx_template_close(t);
    free(text);
    return 0;
}
