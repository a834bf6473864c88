/* Zip archives of stored entries; see checkpoint_zip.h.
 *
 * Sizes of 4 GiB and more stand in the 64-bit field of the local header and make the sums behind the data 64 bits
 * wide; places beyond 4 GiB stand in the field of the directory. The 64-bit end record is always there. */
#include "synth/checkpoint_zip.h"

#include <string.h>

enum {
    ALIGN = 64,
    HEADER = 30,
    FIELD = 4,             /* id and length of an extra field               */
    WIDE_ID = 0x0001,      /* the field of 64-bit numbers                   */
    FILL_ID = 0x4246,      /* "FB", the field that aligns the data          */
    NARROW_VERSION = 20,
    WIDE_VERSION = 45,
    FLAGS = 0x0808,        /* sums follow the data; names are UTF-8         */
    DATE = 1 << 5 | 1,     /* 1 January 1980                                */
    WIDE_END = 56,         /* bytes of the 64-bit end record, with its head */
    WIDE_END_HEAD = 12
};
#define NARROW UINT32_MAX /* numbers from here on are 64-bit ones */

static void put(thx_string *s, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        const char byte = (char)(value >> 8 * i & 0xff);
        thx_string_add(s, &byte, 1);
    }
}

static bool wide(uint64_t value) { return value >= NARROW; }

static uint32_t narrow(uint64_t value) { return wide(value) ? NARROW : (uint32_t)value; }

/* The header without what aligns the data. */
static size_t least_header(const thx_zip_entry *e)
{
    return HEADER + strlen(e->name) + (wide(e->size) ? FIELD + 16 : 0) + FIELD;
}

uint64_t thx_zip_place(thx_zip_entry *entries, size_t count)
{
    uint64_t at = 0;

    for (size_t i = 0; i < count; i++) {
        thx_zip_entry *e = &entries[i];

        e->header_at = at;
        e->data_at = (at + least_header(e) + ALIGN - 1) / ALIGN * ALIGN;
        at = e->data_at + e->size + (wide(e->size) ? 24 : 16);
    }
    return at;
}

void thx_zip_header(thx_string *s, const thx_zip_entry *e)
{
    const size_t name = strlen(e->name), fill = (size_t)(e->data_at - e->header_at) - least_header(e);

    put(s, 0x04034b50, 4);
    put(s, wide(e->size) ? WIDE_VERSION : NARROW_VERSION, 2);
    put(s, FLAGS, 2);
    put(s, 0, 2); /* stored */
    put(s, (uint64_t)DATE << 16, 4);
    put(s, 0, 4); /* the sum follows the data */
    put(s, wide(e->size) ? NARROW : 0, 4);
    put(s, wide(e->size) ? NARROW : 0, 4);
    put(s, name, 2);
    put(s, (uint64_t)(e->data_at - e->header_at) - HEADER - name, 2);
    thx_string_add(s, e->name, name);
    if (wide(e->size)) {
        put(s, WIDE_ID, 2);
        put(s, 16, 2);
        put(s, 0, 8);
        put(s, 0, 8);
    }
    put(s, FILL_ID, 2);
    put(s, fill, 2);
    for (size_t i = 0; i < fill; i++) thx_string_puts(s, "Z");
}

void thx_zip_descriptor(thx_string *s, const thx_zip_entry *e)
{
    const int bytes = wide(e->size) ? 8 : 4;

    put(s, 0x08074b50, 4);
    put(s, e->sum, 4);
    put(s, e->size, bytes);
    put(s, e->size, bytes);
}

static void put_listed(thx_string *s, const thx_zip_entry *e)
{
    const size_t name = strlen(e->name);
    const int    more = (wide(e->size) ? 16 : 0) + (wide(e->header_at) ? 8 : 0);

    put(s, 0x02014b50, 4);
    put(s, more ? WIDE_VERSION : NARROW_VERSION, 2);
    put(s, more ? WIDE_VERSION : NARROW_VERSION, 2);
    put(s, FLAGS, 2);
    put(s, 0, 2);
    put(s, (uint64_t)DATE << 16, 4);
    put(s, e->sum, 4);
    put(s, narrow(e->size), 4);
    put(s, narrow(e->size), 4);
    put(s, name, 2);
    put(s, more ? (uint64_t)(FIELD + more) : 0, 2);
    put(s, 0, 2);  /* comment    */
    put(s, 0, 2);  /* disk       */
    put(s, 0, 2);  /* attributes */
    put(s, 0, 4);
    put(s, narrow(e->header_at), 4);
    thx_string_add(s, e->name, name);
    if (!more) return;
    put(s, WIDE_ID, 2);
    put(s, (uint64_t)more, 2);
    if (wide(e->size)) put(s, e->size, 8), put(s, e->size, 8);
    if (wide(e->header_at)) put(s, e->header_at, 8);
}

/* The 64-bit end of the directory, and where that stands. */
static void put_wide_end(thx_string *s, size_t count, uint64_t size, uint64_t at)
{
    put(s, 0x06064b50, 4);
    put(s, WIDE_END - WIDE_END_HEAD, 8);
    put(s, WIDE_VERSION, 2);
    put(s, WIDE_VERSION, 2);
    put(s, 0, 4);
    put(s, 0, 4);
    put(s, count, 8);
    put(s, count, 8);
    put(s, size, 8);
    put(s, at, 8);
    put(s, 0x07064b50, 4);
    put(s, 0, 4);
    put(s, at + size, 8);
    put(s, 1, 4);
}

void thx_zip_directory(thx_string *s, const thx_zip_entry *entries, size_t count, uint64_t directory_at)
{
    const size_t before = s->size;

    for (size_t i = 0; i < count; i++) put_listed(s, &entries[i]);
    const uint64_t size = s->size - before;
    const uint64_t listed = count < UINT16_MAX ? count : UINT16_MAX;
    put_wide_end(s, count, size, directory_at);
    put(s, 0x06054b50, 4);
    put(s, 0, 4);
    put(s, listed, 2);
    put(s, listed, 2);
    put(s, narrow(size), 4);
    put(s, narrow(directory_at), 4);
    put(s, 0, 2);
}
