/* Texts of any bytes, cleaned: what comes out is never longer than what goes in. */
#include "text/clean.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_string out = { 0 };

    thx_text_clean(&out, (const char *)data, size);
    if (out.size > size) abort();
    thx_string_deinit(&out);
    return 0;
}
