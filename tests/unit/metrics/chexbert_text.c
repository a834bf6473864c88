/* Cleaning before CheXbert. */
#include "check.h"

#include "metrics/chexbert_text.h"

static void forms(void **state)
{
    static const struct { const char *text, *plain, *list; } rows[] = {
        { "", "", "" },
        { " \n\t", "", "" },
        { "1. First\n\n2.  Second ", "1. First 2. Second", "First Second" },
        { "4.2 cm\xc2\xa0" "above 12.", "4.2 cm above 12.", "2 cm above 1" },
        { "11..5", "11..5", "1.5" },
        { "x\xff" "3.", "x\xef\xbf\xbd" "3.", "x\xef\xbf\xbd" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int form = 0; form < 3; form++) {
            thx_string out = { 0 };
            thx_chexbert_clean(&out, rows[i].text, strlen(rows[i].text), (thx_chexbert_form)form);
            assert_string_equal(out.data, form == THX_CHEXBERT_LIST ? rows[i].list : rows[i].plain);
            thx_string_deinit(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(forms) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
