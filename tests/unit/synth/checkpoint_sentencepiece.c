/* The invented vocabulary of a Llama: kinds, scores, and that every piece comes out of two earlier ones. */
#include "place.h"
#include "synth/checkpoint_sentencepiece.h"

typedef struct piece { char text[64]; float score; unsigned type; } piece;
typedef struct model { piece *pieces, **sorted; size_t n, others; } model;

static uint64_t varint(const unsigned char **at)
{
    uint64_t value = 0;

    for (int shift = 0;; shift += 7) {
        const unsigned char byte = *(*at)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
}

static piece read_piece(const unsigned char *at, const unsigned char *end)
{
    piece p = { .type = 1 };

    while (at < end) {
        const uint64_t tag = varint(&at);

        if (tag == 0x0a) {
            const size_t n = (size_t)varint(&at);

            assert_true(n && n < sizeof p.text);
            memcpy(p.text, at, n);
            at += n;
        } else if (tag == 0x15) {
            memcpy(&p.score, at, 4);
            at += 4;
        } else {
            assert_int_equal(tag, 0x18);
            p.type = (unsigned)varint(&at);
        }
    }
    assert_ptr_equal(at, end);
    return p;
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(piece *const *)a)->text, (*(piece *const *)b)->text);
}

static void model_open(model *m, const char *data, size_t size, size_t most)
{
    const unsigned char *at = (const unsigned char *)data, *end = at + size;

    *m = (model){ .pieces = calloc(most, sizeof(piece)), .sorted = calloc(most, sizeof(piece *)) };
    while (at < end) {
        const uint64_t tag = varint(&at);
        const size_t   n = (size_t)varint(&at);

        assert_true(n <= (size_t)(end - at));
        if (tag == 0x0a) {
            assert_true(m->n < most);
            m->pieces[m->n] = read_piece(at, at + n);
            m->sorted[m->n] = &m->pieces[m->n];
            m->n++;
        } else m->others++;
        at += n;
    }
    qsort(m->sorted, m->n, sizeof *m->sorted, by_text);
}

static void model_close(model *m)
{
    free(m->pieces);
    free(m->sorted);
}

static const piece *find(const model *m, const char *text, size_t n)
{
    piece  key = { 0 }, *k = &key;

    memcpy(key.text, text, n);
    piece **at = bsearch(&k, m->sorted, m->n, sizeof *m->sorted, by_text);
    return at ? *at : NULL;
}

static size_t characters(const char *text)
{
    size_t n = 0;

    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Two pieces of higher rank, or characters, give this one. */
static bool comes_out(const model *m, const piece *p)
{
    for (size_t cut = 1; p->text[cut]; cut++) {
        if (((unsigned char)p->text[cut] & 0xc0) == 0x80) continue;
        const piece *l = find(m, p->text, cut), *r = find(m, p->text + cut, strlen(p->text + cut));

        if (!l || !r || l->type != 1 || r->type != 1) continue;
        if (characters(l->text) > 1 && l->score <= p->score) continue;
        if (characters(r->text) == 1 || r->score > p->score) return true;
    }
    return false;
}

static void check_normal(const model *m, size_t id)
{
    const piece *p = &m->pieces[id];
    const bool   blanks = strspn(p->text, "\xe2\x96\x81") == strlen(p->text);

    assert_int_equal(p->type, 1);
    assert_in_range(characters(p->text), 1, 16);
    assert_true(p->score == (blanks ? -1e9f : -(float)(id - 259)));
    if (!blanks && characters(p->text) > 1) assert_true(comes_out(m, p));
}

static void invented(void **state)
{
    static const uint32_t sizes[] = { 512, 2304, 32000 };
    thorax_error err;

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const char *data;
        size_t size;
        thx_arena *arena;
        model m;

        assert_ok(thx_arena_open(&arena, 0, &err), err);
        assert_ok(thx_sentencepiece_make(&data, &size, arena, sizes[k], &err), err);
        model_open(&m, data, size, sizes[k]);
        assert_int_equal(m.n, sizes[k]);
        assert_int_equal(m.others, 2);
        for (size_t i = 1; i < m.n; i++) assert_true(by_text(&m.sorted[i - 1], &m.sorted[i]) < 0);
        assert_string_equal(m.pieces[0].text, "<unk>");
        assert_int_equal(m.pieces[0].type, 2);
        assert_string_equal(m.pieces[2].text, "</s>");
        assert_int_equal(m.pieces[2].type, 3);
        assert_string_equal(m.pieces[3 + 0xe9].text, "<0xE9>");
        assert_int_equal(m.pieces[3 + 0xe9].type, 6);
        for (size_t i = 259; i < m.n; i++) check_normal(&m, i);
        for (char c = 0x21; c < 0x7f; c++) assert_non_null(find(&m, &c, 1));
        assert_non_null(find(&m, "\xc3\xa9", 2));
        assert_null(find(&m, "\n", 1));
        if (sizes[k] > 512) assert_non_null(find(&m, "\xe2\x96\x81lungs", 8));
        model_close(&m);
        thx_arena_close(arena);
    }
}

static void taken(void **state)
{
    static const struct { const char *data; size_t size; thorax_status status; } cases[] = {
        { "", 0, THORAX_FORMAT },                             /* empty                         */
        { "\x0a", 1, THORAX_FORMAT },                         /* a tag without a length        */
        { "\x0a\x05" "ab", 4, THORAX_FORMAT },                /* longer than the file          */
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, THORAX_FORMAT },
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11, THORAX_FORMAT },
        { "\x0a\x02" "ab" "\x0b\x0c", 6, THORAX_FORMAT },     /* a group                       */
        { "\x12\x02" "ab", 4, THORAX_FORMAT },                /* no piece                      */
        { "version https://git-lfs", 23, THORAX_FORMAT },
        { "\x0a\x02" "ab" "\x12\x00" "\x0a\x01" "c", 9, THORAX_OK },
    };
    thorax_error err;
    thx_arena *arena;
    place p;

    (void)state;
    place_open(&p);
    assert_ok(thx_arena_open(&arena, 0, &err), err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *f = fopen(in(&p, "tokenizer.model"), "wb");
        const char *data = NULL;
        uint32_t pieces;
        size_t size;

        assert_non_null(f);
        assert_int_equal(fwrite(cases[i].data, 1, cases[i].size, f), cases[i].size);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(thx_sentencepiece_read(&data, &size, &pieces, arena, p.folder, &err), cases[i].status);
        if (cases[i].status) assert_non_null(strstr(err.text, "tokenizer.model"));
        else {
            assert_int_equal(pieces, 2);
            assert_int_equal(size, cases[i].size);
            assert_memory_equal(data, cases[i].data, size);
        }
    }
    thx_arena_close(arena);
    place_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(invented), cmocka_unit_test(taken) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
