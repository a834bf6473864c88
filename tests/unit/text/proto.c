/* Protobuf fields of every kind, and messages that break off or lie about their lengths. */
#include "check.h"
#include "text/proto.h"

#include <string.h>

#define PROTO(bytes) { (const unsigned char *)(bytes), sizeof(bytes) - 1, 0, 0 }

static void fields_of_every_kind(void **state)
{
    thx_proto p = PROTO("\x08\x96\x01" "\x12\x03" "abc" "\x1d\x00\x00\x20\xc1" "\x21\x01\x00\x00\x00\x00\x00\x00\x80"
                        "\xfa\x01\x00" "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    thx_field f;
    thorax_error err;
    bool more;

    (void)state;
    assert_ok(thx_proto_next(&p, &f, &more, &err), err);
    assert_true(more && f.number == 1 && f.kind == THX_FIELD_NUMBER && f.value == 150);
    assert_ok(thx_proto_next(&p, &f, &more, &err), err);
    assert_true(more && f.number == 2 && f.kind == THX_FIELD_BYTES && f.bytes.size == 3 && f.bytes.base == 5);
    assert_memory_equal(f.bytes.data, "abc", 3);
    assert_ok(thx_proto_next(&p, &f, &more, &err), err);
    assert_true(more && f.number == 3 && f.kind == THX_FIELD_32 && thx_field_float(&f) == -10.0f);
    assert_ok(thx_proto_next(&p, &f, &more, &err), err);
    assert_true(more && f.number == 4 && f.kind == THX_FIELD_64 && f.value == 0x8000000000000001u);
    assert_ok(thx_proto_next(&p, &f, &more, &err), err);
    assert_true(more && f.number == 31 && f.bytes.size == 0);
    assert_ok(thx_proto_next(&p, &f, &more, &err), err);
    assert_true(more && f.number == 5 && f.value == UINT64_MAX);
    assert_ok(thx_proto_next(&p, &f, &more, &err), err);
    assert_false(more);
}

static void broken_messages_are_refused(void **state)
{
    static const struct { const char *bytes; size_t size; const char *part; } cases[] = {
        { "\x08", 1, "the end" },
        { "\x08\x80", 2, "the end" },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, "longer" },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", 12, "longer" },
        { "\x12\x04" "abc", 5, "3 are left" },
        { "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "0 are left" },
        { "\x0d\x00\x00\x00", 4, "the end" },
        { "\x09\x00\x00\x00\x00\x00\x00\x00", 8, "the end" },
        { "\x00\x00", 2, "field number" },
        { "\x0b", 1, "another kind" },
        { "\x0e", 1, "another kind" },
    };
    thx_field f;
    bool more;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thx_proto p = { (const unsigned char *)cases[i].bytes, cases[i].size, 0, 100 };
        thorax_error err = { 0 };
        assert_int_equal(thx_proto_next(&p, &f, &more, &err), THORAX_FORMAT);
        if (!strstr(err.text, cases[i].part)) fail_msg("case %zu: \"%s\"", i, err.text);
        assert_true(err.at >= 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_every_kind),
        cmocka_unit_test(broken_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
