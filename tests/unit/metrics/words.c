/* Characters, lower case and splitting by Python's rules. What is wanted came from CPython 3.11 and sacrebleu 2.6.0. */
#include "check.h"

#include "metrics/words.h"

static void classes(void **state)
{
    static const struct { uint32_t c; bool space, word, digit; } rows[] = {
        { ' ', 1, 0, 0 },    { 0x1c, 1, 0, 0 },   { 0x85, 1, 0, 0 },   { 0x200b, 0, 0, 0 }, { 0xfeff, 0, 0, 0 },
        { '_', 0, 1, 0 },    { 'z', 0, 1, 0 },    { '7', 0, 1, 1 },    { 0xb2, 0, 1, 0 },   { 0x2167, 0, 1, 0 },
        { 0x301, 0, 0, 0 },  { 0x903, 0, 0, 0 },  { 0x967, 0, 1, 1 },  { 0x80ba, 0, 1, 0 }, { 0x2014, 0, 0, 0 },
        { 0x11f50, 0, 0, 0 } /* of a later Unicode */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(thx_char_is_space(rows[i].c), rows[i].space);
        assert_int_equal(thx_char_is_word(rows[i].c), rows[i].word);
        assert_int_equal(thx_char_is_digit(rows[i].c), rows[i].digit);
    }
}

static void lower_case(void **state)
{
    static const struct { const char *text, *want; } rows[] = {
        { "", "" },
        { "No ACUTE \xc3\x84rger", "no acute \xc3\xa4rger" },
        { "\xc4\xb0nterval \xe2\x84\xaa", "i\xcc\x87nterval k" },
        { "\xce\x9f\xce\xa3 \xce\xa3", "\xce\xbf\xcf\x82 \xcf\x83" }, /* final behind a letter alone */
        { "A\xce\xa3.B A\xce\xa3. A'\xce\xa3'", "a\xcf\x83.b a\xcf\x82. a'\xcf\x82'" }, /* past points */
        { "A\xff\xce\xa3", "a\xef\xbf\xbd\xcf\x83" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        thx_string out = { 0 };
        thx_text_lower(&out, rows[i].text, strlen(rows[i].text));
        assert_false(out.failed);
        assert_string_equal(out.data ? out.data : "", rows[i].want);
        thx_string_deinit(&out);
    }
}

/* The words of a text, "|" between them. */
static void join(thx_string *out, thx_words_kind kind, const char *text)
{
    thx_words    w;
    thorax_error err;
    size_t       n;

    assert_ok(thx_words_init(&w, kind, &err), err);
    assert_ok(thx_words_add(&w, text, strlen(text), &err), err);
    thx_string_add(out, "", 0);
    for (size_t i = 0; i < w.first[1]; i++) {
        const char *word = thx_words_word(&w, w.ids[i], &n);
        if (i) thx_string_puts(out, "|");
        thx_string_add(out, word, n);
    }
    thx_words_deinit(&w);
}

static void splitting(void **state)
{
    static const struct { thx_words_kind kind; const char *text, *want; } rows[] = {
        { THX_WORDS_SPACE, "", "" },
        { THX_WORDS_SPACE, " \t\n\xc2\xa0", "" },
        { THX_WORDS_SPACE, "No  edema.\xe2\x80\xa8Yes\x1c!", "No|edema.|Yes|!" },
        { THX_WORDS_SPACE, "a\xff z", "a\xef\xbf\xbd|z" },
        { THX_WORDS_ROUGE, "Don't: 4.2cm ___ na\xc3\xafve", "don|t|4|2cm|na|ve" },
        { THX_WORDS_ROUGE, "\xc4\xb0nterval \xe2\x84\xaa" "erley \xe2\x84", "i|nterval|kerley" },
        { THX_WORDS_ROUGE_STEM, "Opacities ARE enlarged, was", "opac|are|enlarg|was" },
        { THX_WORDS_13A, "Tip 4.2 cm, U.S. 3-4 (left)...", "Tip|4.2|cm|,|U|.|S|.|3|-|4|(|left|)|.|.|." },
        { THX_WORDS_13A, "a &amp;lt; b &amp;quot; line-\nbreak <skipped>x\ny", "a|<|b|&|quot|;|linebreak|x|y" },
        { THX_WORDS_13A, "ends-\n", "ends" },
        { THX_WORDS_13A_STRIPPED, "ends-\n", "ends-" },
        { THX_WORDS_RADCLIQ, "No edema.\t4.2 OK..", "no|edema|.\t4|.2|ok|.|." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        thx_string out = { 0 };
        join(&out, rows[i].kind, rows[i].text);
        assert_string_equal(out.data, rows[i].want);
        thx_string_deinit(&out);
    }
}

/* Equal words have equal numbers, also when the table has grown. */
static void numbers(void **state)
{
    thx_words    w;
    thorax_error err;
    char         text[32];

    (void)state;
    assert_ok(thx_words_init(&w, THX_WORDS_SPACE, &err), err);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "w%d x", i);
            assert_ok(thx_words_add(&w, text, strlen(text), &err), err);
        }
    assert_int_equal(w.texts, 10000);
    assert_int_equal(thx_words_vocabulary(&w), 5001);
    for (size_t i = 0; i < 10000; i++) assert_int_equal(w.ids[2 * i], w.ids[2 * (i % 5000)]);
    thx_words_deinit(&w);
}

static void pairs_without_texts(void **state)
{
    const char     *text = "a";
    const size_t    none = 0;
    const thx_pairs empty = { 0 }, bare = { &text, NULL, &none, 1 };
    size_t          n;
    thorax_error    err;

    (void)state;
    assert_int_equal(thx_pairs_check(&empty, &n, &err), THORAX_USAGE);
    assert_int_equal(thx_pairs_check(&bare, &n, &err), THORAX_USAGE);
    assert_string_equal(err.text, "record 1 has no reference");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(classes), cmocka_unit_test(lower_case),
                                        cmocka_unit_test(splitting), cmocka_unit_test(numbers),
                                        cmocka_unit_test(pairs_without_texts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
