/* The restricted pickle machine: what it makes of the opcodes it knows, and that it runs and believes nothing else. */
#include "check.h"
#include "archive.h"
#include "weights/pickle.h"

static const unsigned char *bytes_of(const char *text) { return (const unsigned char *)text; }

typedef struct given { const char *bytes; size_t size; const char *says; } given;
#define GIVEN(bytes, says) { bytes, sizeof bytes - 1, says }

static thx_pickle read_well(const char *bytes, size_t size)
{
    thx_pickle   p;
    size_t       used;
    thorax_error err;

    assert_ok(thx_pickle_read(&p, &used, bytes_of(bytes), size, 0, "file", &err), err);
    assert_int_equal(used, size);
    return p;
}
#define READ(bytes) read_well(bytes, sizeof bytes - 1)

static const thx_pickle_value *root_of(const thx_pickle *p) { return &p->values[p->root]; }

static void numbers(void **state)
{
    static const struct { const char *bytes; size_t size; int64_t number; } cases[] = {
        { "\x80\2K\xff.", 5, 255 },
        { "\x80\2M\xff\xff.", 6, 65535 },
        { "\x80\2J\xfe\xff\xff\xff.", 8, -2 },
        { "\x80\5J\xff\xff\xff\x7f.", 8, INT32_MAX },
        { "\x80\2\x8a\0.", 5, 0 },
        { "\x80\2\x8a\1\xff.", 6, -1 },
        { "\x80\2\x8a\6\0\0\0\0\0\1.", 11, (int64_t)1 << 40 },
        { "\x80\2\x8a\x8\0\0\0\0\0\0\0\x80.", 13, INT64_MIN },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        thx_pickle p = read_well(cases[i].bytes, cases[i].size);

        assert_int_equal(root_of(&p)->kind, THX_PICKLE_INT);
        assert_int_equal(root_of(&p)->number, cases[i].number);
        thx_pickle_deinit(&p);
    }
    thx_pickle p = READ("\x80\2\x8a\x9\0\0\0\0\0\0\0\0\1.");
    assert_int_equal(root_of(&p)->kind, THX_PICKLE_LONG);
    assert_int_equal(root_of(&p)->count, 9);
    thx_pickle_deinit(&p);
    p = READ("\x80\2G\x3f\xf0\0\0\0\0\0\0.");
    assert_int_equal(root_of(&p)->kind, THX_PICKLE_REAL);
    thx_pickle_deinit(&p);
}

static void containers(void **state)
{
    const thx_pickle_value *part[8];

    (void)state;
    /* {"a": [1, 2], "b": (None, True, False)}, with a memo: "a" is fetched again as the last key */
    thx_pickle p = READ("\x80\2}q\0(" TEXT("\1", "a") "q\1](K\1K\2e" TEXT("\1", "b") "N\x88\x89\x87" "h\1h\0u.");
    assert_int_equal(root_of(&p)->kind, THX_PICKLE_DICT);
    assert_int_equal(thx_pickle_items(part, 8, &p, root_of(&p)), 6);
    assert_true(thx_pickle_is_text(part[0], "a"));
    assert_int_equal(part[1]->kind, THX_PICKLE_LIST);
    assert_int_equal(part[1]->count, 2);
    assert_int_equal(part[3]->kind, THX_PICKLE_TUPLE);
    assert_int_equal(part[3]->count, 3);
    assert_ptr_equal(part[4], part[0]);
    assert_ptr_equal(part[5], root_of(&p)); /* it contains itself */
    thx_pickle_deinit(&p);

    p = READ("\x80\4\x95\x0a\0\0\0\0\0\0\0}\x94\x8c\1a\x94]\x94sh\0."); /* a frame, places in order */
    assert_int_equal(root_of(&p)->kind, THX_PICKLE_DICT);
    assert_int_equal(root_of(&p)->count, 2);
    thx_pickle_deinit(&p);
}

static void names(void **state)
{
    (void)state;
    thx_pickle p = READ("\x80\2ctorch\nHalfStorage\n.");
    assert_int_equal(thx_pickle_storage_type(root_of(&p)), THX_F16);
    thx_pickle_deinit(&p);
    p = READ("\x80\2ctorch\nQInt8Storage\n.");
    assert_int_equal(root_of(&p)->kind, THX_PICKLE_OPAQUE);
    thx_pickle_deinit(&p);
    p = READ("\x80\2" HOOKS "}b."); /* the state of an OrderedDict is of no use */
    assert_int_equal(root_of(&p)->kind, THX_PICKLE_DICT);
    assert_int_equal(root_of(&p)->count, 0);
    thx_pickle_deinit(&p);
    p = READ("\x80\2" TENSOR ".");
    assert_int_equal(root_of(&p)->kind, THX_PICKLE_TENSOR);
    assert_int_equal(root_of(&p)->count, 6);
    thx_pickle_deinit(&p);
}

/* Whatever is done with a name that is not known stays opaque. */
static void opaque(void **state)
{
    static const given cases[] = {
        GIVEN("\x80\2cos\ngetpid\n)R.", "getpid"),
        GIVEN("\x80\2cposix\nsystem\n" TEXT("\4", "true") "\x85R.", "system"),
        GIVEN("\x80\4\x8c\x08" "builtins\x8c\4eval\x93\x8c\3" "1+1\x85R.", "eval"),
        GIVEN("\x80\4\x8c\x0ctorch._utils\x8c\x09os.getpid\x93)R.", "os.getpid"),
        GIVEN("\x80\2cargparse\nNamespace\n)\x81}" TEXT("\2", "lr") "K\1sb.", "Namespace"),
        GIVEN("\x80\2ccollections\ndefaultdict\ncbuiltins\nlist\n\x85RK\1K\2s.", "defaultdict"),
        GIVEN("\x80\2ca\nb\n)R(K\1K\2e.", "b"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        thx_pickle p = read_well(cases[i].bytes, cases[i].size);

        assert_int_equal(root_of(&p)->kind, THX_PICKLE_OPAQUE);
        assert_int_equal(root_of(&p)->count, strlen(cases[i].says));
        assert_memory_equal(root_of(&p)->text, cases[i].says, root_of(&p)->count);
        assert_false(root_of(&p)->tensors);
        thx_pickle_deinit(&p);
    }
    thx_pickle p = READ("\x80\2ctorch._utils\n_rebuild_qtensor\n(" STORAGE("FloatStorage", "0", "\4") "tR.");
    assert_true(root_of(&p)->tensors); /* it would be a tensor */
    thx_pickle_deinit(&p);
    p = READ("\x80\2ctorch._utils\n_rebuild_meta_tensor_no_storage\n)R.");
    assert_true(root_of(&p)->tensors);
    thx_pickle_deinit(&p);
}

static void broken(void **state)
{
    static const given cases[] = {
        GIVEN("", "cut short"),
        GIVEN("\x80", "cut short"),
        GIVEN("\x80\2}", "cut short"),
        GIVEN("\x80\2.", "empty stack"),
        GIVEN("\x80\6}.", "protocol 6"),
        GIVEN("\x80\2R.", "empty stack"),
        GIVEN("\x80\2}t.", "mark"),
        GIVEN("\x80\2}(R.", "empty stack"), /* nothing is taken from below a mark */
        GIVEN("\x80\2h\7.", "place 7"),
        GIVEN("\x80\2}X\xf0\xff\xff\xffw", "cut short"),
        GIVEN("\x80\4}\x8d\xff\xff\xff\xff\xff\xff\xff\xffw", "cut short"),
        GIVEN("\x80\4\x95\0\0\0\0\0\0\0\x40}.", "cut short"),
        GIVEN("\x80\2X\2\0\0\0a\xff.", "UTF-8"),
        GIVEN("\x80\2X\3\0\0\0\xed\xa0\x80.", "UTF-8"),
        GIVEN("\x80\2(ios\ngetpid\n.", "opcode 0x69"),
        GIVEN("\x80\2(cos\ngetpid\no.", "opcode 0x6f"),
        GIVEN("\x80\2\x82\1.", "opcode 0x82"),
        GIVEN("\x80\4\x8c\1a\x8c\1b\x93)}\x92.", "opcode 0x92"),
        GIVEN("\x80\2P0\n.", "opcode 0x50"),
        GIVEN("\x80\2I12\n.", "opcode 0x49"),
        GIVEN("\x80\2cos", "without an end"),
        GIVEN("\x80\4K\1K\2\x93.", "no text"),
        GIVEN("\x80\2" TEXT("\1", "w") ")R.", "no function"),
        GIVEN("\x80\2cos\ngetpid\nK\1R.", "no tuple"),
        GIVEN("\x80\2ctorch\nFloatStorage\nK\4\x85R.", "FloatStorage"),
        GIVEN("\x80\2ccollections\nOrderedDict\n]\x85R.", "OrderedDict"),
        GIVEN("\x80\2ctorch._utils\n_rebuild_tensor_v2\n)\x81.", "_rebuild_tensor_v2"),
        GIVEN("\x80\2ctorch._utils\n_rebuild_parameter\nK\1\x88N\x87R.", "parameter"),
        GIVEN("\x80\2K\5}b.", "state"),
        GIVEN("\x80\2}}b.", "state"),
        GIVEN("\x80\2" TENSOR "}b.", "state"),
        GIVEN("\x80\2" TEXT("\1", "w") "Q.", "no storage"),
        GIVEN("\x80\2(" TEXT("\6", "module") "ctorch\nFloatStorage\n" TEXT("\1", "0") TEXT("\3", "cpu") "K\4tQ.",
              "no storage"),
        GIVEN("\x80\2(" TEXT("\7", "storage") "K\1" TEXT("\1", "0") TEXT("\3", "cpu") "K\4tQ.", "type"),
        GIVEN("\x80\2(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" TEXT("\1", "0") "cos\ngetpid\n)RK\4tQ.",
              "no storage"),
        GIVEN("\x80\2]K\1s.", "empty stack"),
        GIVEN("\x80\2]K\1K\1s.", "no dict"),
        GIVEN("\x80\2}K\1a.", "no list"),
        GIVEN("\x80\2}(K\1u.", "without a value"),
        GIVEN("\x80\2(K\1u.", "empty stack"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        thorax_error err = { 0 };
        thx_pickle   p;
        size_t       used;

        if (thx_pickle_read(&p, &used, bytes_of(cases[i].bytes), cases[i].size, 100, "file", &err) != THORAX_FORMAT ||
            !strstr(err.text, cases[i].says) || strncmp(err.text, "file: ", 6))
            fail_msg("case %zu: expected \"%s\": %d %s", i, cases[i].says, (int)err.status, err.text);
        assert_true(err.at >= 100 && err.at <= 100 + cases[i].size);
        assert_null(p.values);
    }
}

static void limits(void **state)
{
    enum { MANY = (1 << 20) + 2 };
    static const char opcodes[] = { 'N', '(' };
    char        *bytes = malloc(MANY);
    thx_pickle   p;
    size_t       used;
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof opcodes; i++) {
        memset(bytes, opcodes[i], MANY);
        assert_int_equal(thx_pickle_read(&p, &used, bytes_of(bytes), MANY, 0, "file", &err), THORAX_LIMIT);
    }
    free(bytes);
    const char far[] = "\x80\2}r\xff\xff\xff\xff.";
    assert_int_equal(thx_pickle_read(&p, &used, bytes_of(far), sizeof far - 1, 0, "file", &err), THORAX_LIMIT);
    assert_non_null(strstr(err.text, "4294967295"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers), cmocka_unit_test(containers), cmocka_unit_test(names), cmocka_unit_test(opaque),
        cmocka_unit_test(broken), cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
