/* See bytes.h. */
#include "weights/bytes.h"

/* Leading bytes from `from` on, up to the next row: how many follow, their own bits, the least code point. */
static const struct { unsigned char from; signed char more; unsigned char bits; uint32_t least; } leads[] = {
    { 0xf5, -1, 0, 0 },      { 0xf0, 3, 0x07, 0x10000 }, { 0xe0, 2, 0x0f, 0x800 },
    { 0xc2, 1, 0x1f, 0x80 }, { 0x80, -1, 0, 0 },         { 0x00, 0, 0x7f, 0 },
};

bool thx_is_utf8(const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t l = 0;

        while (text[i] < leads[l].from) l++;
        const int more = leads[l].more;
        uint32_t  code = text[i++] & leads[l].bits;
        if (more < 0 || (size_t)more > size - i) return false;
        for (int k = 0; k < more; k++, i++) {
            if ((text[i] & 0xc0) != 0x80) return false;
            code = code << 6 | (text[i] & 0x3fu);
        }
        if (code < leads[l].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    }
    return true;
}
