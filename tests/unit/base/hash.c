#include "check.h"
#include "base/hash.h"

static void fips_examples(void **state)
{
    char hex[65];

    (void)state;
    thx_sha256_of("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    thx_sha256_of("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fips_examples) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
