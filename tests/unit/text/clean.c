/* Cleaning: references, quotes, ligatures, full-width forms. What is wanted came from Python's html and ftfy. */
#include "check.h"

#include "text/clean.h"

static void texts(void **state)
{
    static const struct { const char *text, *want; } rows[] = {
        { "", "" },
        { "No acute process.", "No acute process." },
        { "size &lt; 3 cm &amp; stable", "size < 3 cm & stable" },
        { "&amp;lt;3&amp;gt;", "<3>" },
        { "&amp;amp;lt;", "&lt;" },
        { "R&ampD, 37&deg C, &degree", "R&D, 37\xc2\xb0 C, \xc2\xb0" "ree" },
        { "&#65;&#x42;&#X43 &#;&#x;", "ABC &#;&#x;" },
        { "&#0;&#55296;&#99999999999;&#1;", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "&#150;&rsquo;", "\xe2\x80\x93'" },
        { "&unknown; & &", "&unknown; & &" },
        { "&apos &apos;", "&apos '" },
        { "patient\xe2\x80\x99s \xe2\x80\x9c" "clear\xe2\x80\x9d", "patient's \"clear\"" },
        { "\xef\xac\x81ndings e\xef\xac\x80usion", "findings effusion" },
        { "\xef\xbc\xa1\xef\xbc\x91\xe3\x80\x80x", "A1 x" },
        { "caf\xc3\xa9\xff\xe2\x80", "caf\xc3\xa9\xff\xe2\x80" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        thx_string out = { 0 };
        thx_text_clean(&out, rows[i].text, strlen(rows[i].text));
        assert_false(out.failed);
        assert_string_equal(out.data ? out.data : "", rows[i].want);
        thx_string_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(texts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
