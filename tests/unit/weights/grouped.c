/* Grouped matrices in safetensors files: told rightly they are handed out with their type and shape; told wrongly
 * the file is refused. */
#include "check.h"
#include "base/file.h"
#include "base/hash.h"
#include "ops/quant.h"
#include "weights/weights.h"

enum { BYTES = 64 + 64 + 512 }; /* Q8 of up to 16 rows and 32 columns */

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char folder[] = "/tmp/thorax-grouped-XXXXXX", path[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path) || rmdir(folder);
}

/* A file of one tensor "m", its entry and metadata as given. */
static void write_file(const char *metadata, const char *entry, size_t bytes)
{
    static unsigned char all[4096];
    char                 header[1024];
    thorax_error         err;
    const int            n = snprintf(header, sizeof header, "{\"__metadata__\":{%s},\"m\":{%s}}", metadata, entry);

    memset(all, 0, sizeof all);
    for (int i = 0; i < 8; i++) all[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(all + 8, header, (size_t)n);
    assert_ok(thx_file_write(path, all, 8 + (size_t)n + bytes, &err), err);
}

static void told_rightly(void **state)
{
    thx_weights *w;
    thorax_error err;

    (void)state;
    write_file("\"format\":\"pt\",\"thorax.grouped\":\"1\",\"thorax:m\":\"Q8 [5, 20] sha256 " HASH "\"",
               "\"dtype\":\"U8\",\"shape\":[640],\"data_offsets\":[0,640]", BYTES);
    assert_ok(thx_weights_open(&w, path, &err), err);
    const thx_view *v = thx_weights_find(w, "m");
    assert_int_equal(v->type, THX_Q8);
    assert_int_equal(v->rank, 2);
    assert_int_equal(v->shape[0], 5);
    assert_int_equal(v->shape[1], 20);
    assert_int_equal(v->count, 100);
    assert_int_equal(thx_view_bytes(v), BYTES);
    assert_string_equal(thx_weights_dtype(w, 0), "Q8");
    assert_string_equal(thx_weights_sha256(w, 0), HASH);
    thx_weights_close(w);

    /* without its line it is a row of bytes, as for everybody else */
    write_file("\"format\":\"pt\"", "\"dtype\":\"U8\",\"shape\":[640],\"data_offsets\":[0,640]", BYTES);
    assert_ok(thx_weights_open(&w, path, &err), err);
    assert_int_equal(thx_weights_find(w, "m")->type, THX_U8);
    assert_null(thx_weights_sha256(w, 0));
    thx_weights_close(w);
}

static void refused(const char *line, const char *entry, const char *says)
{
    char         metadata[512];
    thx_weights *w;
    thorax_error err;

    snprintf(metadata, sizeof metadata, "\"thorax.grouped\":\"1\",\"thorax:m\":%s", line);
    write_file(metadata, entry, BYTES);
    assert_int_equal(thx_weights_open(&w, path, &err), THORAX_FORMAT);
    if (!strstr(err.text, says) || !strstr(err.text, path)) fail_msg("expected \"%s\" in: %s", says, err.text);
}

static void told_wrongly(void **state)
{
    static const char u8[] = "\"dtype\":\"U8\",\"shape\":[640],\"data_offsets\":[0,640]";
    thx_weights      *w;
    thorax_error      err;

    (void)state;
    refused("\"Q8 [17, 20] sha256 " HASH "\"", u8, "do not take 640 bytes"); /* two blocks */
    refused("\"Q8 [16, 33] sha256 " HASH "\"", u8, "do not take 640 bytes"); /* two groups */
    refused("\"Q4 [16, 32] sha256 " HASH "\"", u8, "do not take 640 bytes");
    refused("\"Q8 [4294967296, 4294967296] sha256 " HASH "\"", u8, "cannot read");
    refused("\"Q8 [99999999999999999999, 32] sha256 " HASH "\"", u8, "cannot read");
    refused("\"Q8 [1, 9223372036854775807] sha256 " HASH "\"", u8, "do not take");
    refused("\"Q8 [0, 20] sha256 " HASH "\"", u8, "cannot read");
    refused("\"Q8 [-5, 20] sha256 " HASH "\"", u8, "cannot read");
    refused("\"Q8 [5, 20]\"", u8, "cannot read");
    refused("\"Q8 [5, 20] sha256 0123\"", u8, "cannot read");
    refused("\"Q8 [5, 20] sha256 " HASH "0\"", u8, "cannot read");
    refused("\"Q5 [5, 20] sha256 " HASH "\"", u8, "cannot read");
    refused("\"\"", u8, "cannot read");
    refused("7", u8, "not a string");
    refused("\"Q8 [5, 20] sha256 " HASH "\"", "\"dtype\":\"I8\",\"shape\":[640],\"data_offsets\":[0,640]", "I8");
    refused("\"Q8 [5, 20] sha256 " HASH "\"", "\"dtype\":\"U8\",\"shape\":[20,32],\"data_offsets\":[0,640]", "rank 2");
    refused("\"Q8 [5, 20] sha256 " HASH "\",\"thorax:other\":\"\"", u8, "other");

    write_file("\"thorax:m\":\"Q8 [5, 20] sha256 " HASH "\"", u8, BYTES);
    assert_int_equal(thx_weights_open(&w, path, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "layout (not given)"));
    write_file("\"thorax.grouped\":\"2\",\"thorax:m\":\"Q8 [5, 20] sha256 " HASH "\"", u8, BYTES);
    assert_int_equal(thx_weights_open(&w, path, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "layout 2"));
}

/* Any tensor may have a checksum. */
static void checksums(void **state)
{
    static const char u8[] = "\"dtype\":\"U8\",\"shape\":[640],\"data_offsets\":[0,640]";
    thx_weights      *w;
    thorax_error      err;

    (void)state;
    write_file("\"thorax.sha256:m\":\"" HASH "\",\"thorax.sha256:other\":\"\"", u8, BYTES);
    assert_ok(thx_weights_open(&w, path, &err), err);
    assert_string_equal(thx_weights_sha256(w, 0), HASH);
    thx_weights_close(w);
    write_file("\"thorax.sha256:m\":\"0123\"", u8, BYTES);
    assert_int_equal(thx_weights_open(&w, path, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "64 digits"));
    write_file("\"thorax.sha256:m\":7", u8, BYTES);
    assert_int_equal(thx_weights_open(&w, path, &err), THORAX_FORMAT);
}

/* Odd scales count as the values they stand for; those of rows that are not there do not. */
static void odd_scales(void **state)
{
    static unsigned char q[BYTES];
    const float          nan = __builtin_nanf(""), inf = __builtin_inff();
    const uint16_t       h = 0x7c00;
    const thx_view v = { .name = "m", .data = q, .type = THX_Q8, .rank = 2, .shape = { 5, 20 }, .count = 100 };

    (void)state;
    for (size_t l = 0; l < 16; l++) memcpy(q + 4 * l, &(float){ 1.0f }, 4);
    thx_value_count c = thx_view_count_values(&v);
    assert_int_equal(c.inf + c.nan + c.not_bf16, 0);
    memcpy(q + 4 * 2, &nan, 4);
    memcpy(q + 64 + 2 * 3, &h, 2);
    memcpy(q + 4 * 7, &inf, 4);
    c = thx_view_count_values(&v);
    assert_int_equal(c.nan, 20);
    assert_int_equal(c.inf, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_rightly),
        cmocka_unit_test(told_wrongly),
        cmocka_unit_test(checksums),
        cmocka_unit_test(odd_scales),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
