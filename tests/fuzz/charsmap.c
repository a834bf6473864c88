/* Tables of characters: the input is a table, and a text that goes through it. */
#include "text/charsmap.h"
#include "text/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "The\tfilm\xc2\xa0\xef\xac\x81 e\xcc\x81 \xc2\xbd\xe3\x80\x80\xf0\x9f\x91\xa9\xe2\x80\x8d\xe2\x9a\x95 \x01";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_charsmap m;
    thx_string   own = { 0 }, out = { 0 };

    if (thx_charsmap_open(&m, data, size, NULL)) return 0;
    thx_charsmap_put(&m, text, sizeof text - 1, &out);
    thx_utf8_repair(&own, (const char *)data, size);
    if (own.data) thx_charsmap_put(&m, own.data, own.size, &out);
    if (out.data && !thx_utf8_valid(out.data, out.size)) abort();
    thx_charsmap_close(&m);
    thx_string_deinit(&own);
    thx_string_deinit(&out);
    return 0;
}
