/* A SentencePiece model in the manner of Llama's; see checkpoint_sentencepiece.h.
 *
 * The file is a protocol buffer: field 1 a piece (1 text, 2 score, 3 type), again and again; field 2 how it was
 * trained; field 3 how text is prepared. A piece's score is minus its rank; runs of blanks rank last of all. */
#include "synth/checkpoint_sentencepiece.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/string.h"
#include "synth/checkpoint_vocabulary.h"
#include "text/proto.h"

#define BLANK "\xe2\x96\x81" /* U+2581 stands for a space */

enum {
    NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6, /* types of pieces */
    FIRST = 3 + 256,                                /* id of the first normal piece */
    LONGEST = 16,                                   /* characters of a piece */
    SPARE = 160,                                    /* tokens of the byte-level vocabulary that are no pieces */
    MAX_BYTES = 64 << 20,
    MAX_PIECES = 1 << 22
};

/* ---- Protocol buffers ---- */

static void put_varint(thx_string *s, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) thx_string_add(s, &(char){ (char)(value | 0x80) }, 1);
    thx_string_add(s, &(char){ (char)value }, 1);
}

static void put_number(thx_string *s, unsigned field, uint64_t value)
{
    put_varint(s, field << 3);
    put_varint(s, value);
}

static void put_float(thx_string *s, unsigned field, float value)
{
    put_varint(s, field << 3 | 5);
    thx_string_add(s, (const char *)&value, sizeof value);
}

static void put_bytes(thx_string *s, unsigned field, const char *data, size_t size)
{
    put_varint(s, field << 3 | 2);
    put_varint(s, size);
    thx_string_add(s, data, size);
}

static void put_message(thx_string *s, unsigned field, thx_string *message)
{
    put_bytes(s, field, message->data, message->size);
    s->failed = s->failed || message->failed;
    thx_string_deinit(message);
}

/* ---- Pieces ---- */

typedef struct maker {
    thx_string *out;
    uint32_t    pieces, entries;
} maker;

/* Adds a piece while there is room. */
static void add_piece(maker *m, const char *text, float score, int type)
{
    thx_string piece = { 0 };

    if (m->pieces == m->entries) return;
    m->pieces++;
    put_bytes(&piece, 1, text, strlen(text));
    put_float(&piece, 2, score);
    if (type != NORMAL) put_number(&piece, 3, (uint64_t)type);
    put_message(m->out, 1, &piece);
}

static void add_ranked(maker *m, const char *text) { add_piece(m, text, -(float)(m->pieces - FIRST), NORMAL); }

static void add_specials(maker *m)
{
    static const char hex[] = "0123456789ABCDEF";

    add_piece(m, "<unk>", 0, UNKNOWN);
    add_piece(m, "<s>", 0, CONTROL);
    add_piece(m, "</s>", 0, CONTROL);
    for (unsigned b = 0; b < 256; b++) {
        const char text[] = { '<', '0', 'x', hex[b >> 4], hex[b & 15], '>', 0 };
        add_piece(m, text, 0, BYTE);
    }
}

/* Runs of 2 to 16 blanks; one alone is among the characters. */
static void add_blanks(maker *m)
{
    char run[sizeof BLANK * LONGEST] = BLANK;

    for (int n = 2; n <= LONGEST; n++) {
        strcat(run, BLANK);
        add_piece(m, run, -1e9f, NORMAL);
    }
}

/* UTF-8 of a character that has at most two bytes. */
static const char *utf8(char out[3], unsigned point)
{
    if (point < 0x80) out[0] = (char)point, out[1] = 0;
    else out[0] = (char)(0xc0 | point >> 6), out[1] = (char)(0x80 | (point & 0x3f)), out[2] = 0;
    return out;
}

static void add_characters(maker *m)
{
    char text[3];

    add_piece(m, BLANK, -1e9f, NORMAL);
    for (unsigned c = 0x21; c <= 0x7e; c++) add_ranked(m, utf8(text, c));
    add_ranked(m, utf8(text, 0xb0)); /* degree */
    add_ranked(m, utf8(text, 0xb5)); /* micro */
    for (unsigned c = 0xc0; c <= 0xff; c++) add_ranked(m, utf8(text, c));
}
enum { CHARACTERS = 1 + 0x7f - 0x21 + 2 + 0x40 };

/* The piece of a byte-level token: letters as they are, U+0120 (a space) as a blank. False for what is not of 2 to 16
 * characters, letters and signs with a blank before them at most. */
static bool piece_of(char out[4 * LONGEST], const char *token)
{
    size_t n = 0, characters = 0;

    for (const char *c = token; *c; characters++) {
        if (characters == LONGEST) return false;
        if (!strncmp(c, "\xc4\xa0", 2) && c == token) {
            memcpy(out, BLANK, sizeof BLANK - 1);
            n = sizeof BLANK - 1;
            c += 2;
        } else if ((unsigned char)*c < 0x80) out[n++] = *c++;
        else return false;
    }
    out[n] = 0;
    return characters >= 2;
}

static void add_joined(maker *m, const thx_vocabulary *v, uint32_t until)
{
    char piece[4 * LONGEST];

    for (uint32_t id = 256; id < v->n && m->pieces < until; id++)
        if (piece_of(piece, v->tokens[id])) add_ranked(m, piece);
}

/* ---- The other two fields: what Llama's say ---- */

static void put_trainer(thx_string *out, uint32_t entries)
{
    thx_string s = { 0 };

    put_number(&s, 3, 2); /* pairs are merged */
    put_number(&s, 4, entries);
    put_number(&s, 20, LONGEST);
    put_number(&s, 25, 1); /* digits stand alone */
    put_number(&s, 26, 1); /* pieces of blanks alone */
    put_number(&s, 35, 1); /* bytes for what has no piece */
    put_number(&s, 40, 0);
    put_number(&s, 41, 1);
    put_number(&s, 42, 2);
    put_number(&s, 43, UINT64_MAX); /* no piece for padding */
    put_message(out, 2, &s);
}

static void put_normalizer(thx_string *out)
{
    thx_string s = { 0 };

    put_bytes(&s, 1, "identity", 8);
    put_bytes(&s, 2, "", 0);
    put_number(&s, 3, 1); /* a blank before the text */
    put_number(&s, 4, 0); /* blanks are kept */
    put_message(out, 3, &s);
}

/* Copies bytes into the arena. */
static thorax_status keep(const char **data, thx_arena *arena, const char *bytes, size_t size, thorax_error *err)
{
    char *copy = thx_arena_alloc(arena, size, 1);

    *data = copy;
    if (!copy) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a vocabulary of %zu bytes", size);
    memcpy(copy, bytes, size);
    return THORAX_OK;
}

thorax_status thx_sentencepiece_make(const char **data, size_t *size, thx_arena *arena, uint32_t entries,
                                     thorax_error *err)
{
    thx_string     s = { 0 };
    maker          m = { .out = &s, .entries = entries };
    thx_vocabulary v;

    thorax_status st = thx_vocabulary_make(&v, arena, entries + SPARE, err);
    if (st) return st;
    add_specials(&m);
    add_blanks(&m);
    add_joined(&m, &v, entries - CHARACTERS);
    add_characters(&m);
    put_trainer(&s, entries);
    put_normalizer(&s);
    *size = s.size;
    st = s.failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for a vocabulary of %u pieces", entries)
                  : keep(data, arena, s.data, s.size, err);
    thx_string_deinit(&s);
    return st;
}

/* ---- Taking one over ---- */

static thorax_status count_pieces(uint32_t *pieces, const char *data, size_t size, const char *path, thorax_error *err)
{
    thx_proto     file = { .data = (const unsigned char *)data, .size = size };
    thx_field     field;
    bool          more = true;
    thorax_status st = THORAX_OK;

    *pieces = 0;
    while (!(st = thx_proto_next(&file, &field, &more, err)) && more)
        if (field.number == 1 && field.kind == THX_FIELD_BYTES && ++*pieces > MAX_PIECES)
            return thx_fail(err, THORAX_LIMIT, 0, "%s: expected at most %d pieces, found more", path, MAX_PIECES);
    if (st || !*pieces) return thx_fail(err, THORAX_FORMAT, 0, "%s: expected a SentencePiece model, found none", path);
    return THORAX_OK;
}

thorax_status thx_sentencepiece_read(const char **data, size_t *size, uint32_t *pieces, thx_arena *arena,
                                     const char *folder, thorax_error *err)
{
    char *path = thx_path_join(folder, "tokenizer.model"), *text = NULL;

    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    thorax_status st = thx_file_read(&text, size, path, MAX_BYTES, err);
    if (!st) st = count_pieces(pieces, text, *size, path, err);
    if (!st) st = keep(data, arena, text, *size, err);
    free(text);
    free(path);
    return st;
}
