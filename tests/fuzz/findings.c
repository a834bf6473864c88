/* Findings in text, by both rules; what holds of every answer is checked. */
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    thx_presence p[THX_FINDINGS];
    thx_string printed = { 0 };
    bool any = false;

    if (!text) abort();
    if (size) memcpy(text, data, size);
    text[size] = 0;
    thx_findings_parse(p, text);
    for (size_t i = 0; i < 12; i++) any |= p[i] == THX_PRESENT;
    if (any && p[13] != THX_ABSENT) abort();
    thx_findings_substring(p, text);
    thx_findings_print(&printed, p);
    thx_string_deinit(&printed);
    free(text);
    return 0;
}
