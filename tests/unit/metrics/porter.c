/* The stemmer. What is wanted came from NLTK. */
#include "check.h"

#include "metrics/porter.h"

static void stems(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },           { "y", "y" },             { "ow", "ow" },           { "yyy", "yyy" },
        { "yyying", "yy" },   { "oed", "o" },           { "skies", "sky" },       { "ties", "tie" },
        { "eed", "eed" },     { "agreed", "agre" },     { "fizzed", "fizz" },     { "hopping", "hop" },
        { "falling", "fall" }, { "filing", "file" },    { "rationally", "ration" }, { "totally", "total" },
        { "biologi", "biolog" }, { "logi", "logi" },    { "tion", "tion" },       { "adoption", "adopt" },
        { "controll", "control" }, { "conflated", "conflat" }, { "opacities", "opac" }, { "9cm", "9cm" },
        { "abnormalities", "abnorm" }, { "silhouette", "silhouett" }, { "cannings", "canning" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char word[32];
        strcpy(word, rows[i][0]);
        word[thx_porter_stem(word, strlen(word))] = 0;
        assert_string_equal(word, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(stems) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
