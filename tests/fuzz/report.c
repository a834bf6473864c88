/* Reports into words and sentences, whatever their bytes. */
#include "metrics/radgraph.h"
#include "metrics/ratescore_model.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(thx_report_words *w, size_t least)
{
    for (size_t i = 0; i < w->n; i++)
        if (strlen(w->at[i]) < least || !thx_utf8_valid(w->at[i], strlen(w->at[i]))) abort();
    thx_report_words_deinit(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char     *text = malloc(size + 1);
    thx_report_words words;

    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    for (int style = 0; style < 2; style++)
        if (!thx_radgraph_words(&words, text, (thx_radgraph_style)style, NULL)) check(&words, 1);
    if (!thx_rate_sentences(&words, text, NULL)) check(&words, 3);
    free(text);
    return 0;
}
