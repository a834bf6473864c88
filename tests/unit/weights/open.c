/* Opening weights: what is published opens, and every documented refusal is provoked and named. */
#include "check.h"
#include "base/file.h"
#include "weights/weights.h"

#include <sys/stat.h>

typedef struct place { char folder[64]; char path[160]; } place;

static void place_open(place *p)
{
    snprintf(p->folder, sizeof p->folder, "/tmp/thorax-weights-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
}

static const char *in(place *p, const char *name)
{
    snprintf(p->path, sizeof p->path, "%s/%s", p->folder, name);
    return p->path;
}

static void place_close(place *p)
{
    char command[80];

    snprintf(command, sizeof command, "rm -rf '%.60s'", p->folder);
    assert_int_equal(system(command), 0);
}

static void write_bytes(place *p, const char *name, const void *data, size_t size)
{
    thorax_error err;
    assert_ok(thx_file_write(in(p, name), data, size, &err), err);
}

static void write_text(place *p, const char *name, const char *text)
{
    write_bytes(p, name, text, strlen(text));
}

/* A safetensors file of that header and `data` bytes counting up. */
static void write_tensors(place *p, const char *name, const char *header, size_t data)
{
    const size_t   n = strlen(header);
    unsigned char *bytes = calloc(1, 8 + n + data);

    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < data; i++) bytes[8 + n + i] = (unsigned char)i;
    write_bytes(p, name, bytes, 8 + n + data);
    free(bytes);
}

static thx_weights *opened(const char *path)
{
    thorax_error err;
    thx_weights *w;
    assert_ok(thx_weights_open(&w, path, &err), err);
    return w;
}

/* Opening `path` fails with `status`, in one line that holds each of the texts. */
static void refused(const char *path, thorax_status status, const char *a, const char *b)
{
    thorax_error err = { 0 };
    thx_weights *w = (thx_weights *)&err;

    if (thx_weights_open(&w, path, &err) != status)
        fail_msg("%s: status %d, wanted %d: %s", path, err.status, status, err.text);
    assert_null(w);
    if (!strstr(err.text, a) || !strstr(err.text, b))
        fail_msg("expected \"%s\" and \"%s\" in: %s", a, b, err.text);
}

static void one_file(void **state)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
        "\"nothing\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[16,16]},"
        "\"small\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[16,19]},"
        "\"half-bytes\":{\"dtype\":\"F4\",\"shape\":[2,2],\"data_offsets\":[19,21]}}   ";
    place p;

    (void)state;
    place_open(&p);
    write_tensors(&p, "model.safetensors", header, 21);
    thx_weights *w = opened(p.folder);
    assert_int_equal(thx_weights_count(w), 5);
    assert_int_equal(thx_weights_bytes(w), 8 + sizeof header - 1 + 21);
    assert_string_equal(thx_weights_at(w, 0)->name, "a");
    assert_int_equal(thx_weights_at(w, 0)->rank, 0);
    assert_int_equal(thx_weights_at(w, 0)->count, 1);
    const thx_view *b = thx_weights_find(w, "b");
    assert_ptr_equal(b, thx_weights_at(w, 1));
    assert_int_equal(b->type, THX_BF16);
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->shape[1], 3);
    assert_int_equal(b->count, 6);
    assert_int_equal(*(const unsigned char *)b->data, 4);
    assert_int_equal(thx_weights_find(w, "nothing")->count, 0);
    assert_int_equal(thx_weights_find(w, "small")->type, THX_TYPES);
    assert_null(thx_weights_find(w, "c"));
    assert_null(thx_weights_find(w, ""));
    for (size_t i = 0; i < thx_weights_count(w); i++)
        if (!strcmp(thx_weights_at(w, i)->name, "small"))
            assert_string_equal(thx_weights_dtype(w, i), "F8_E4M3");
    thx_weights_close(w);

    w = opened(in(&p, "model.safetensors")); /* the file itself */
    assert_int_equal(thx_weights_count(w), 5);
    assert_string_equal(thx_weights_file(w, 4), p.path);
    thx_weights_close(w);

    write_tensors(&p, "model.safetensors", "{}", 0); /* no tensors is no error */
    w = opened(p.folder);
    assert_int_equal(thx_weights_count(w), 0);
    assert_null(thx_weights_find(w, "a"));
    thx_weights_close(w);
    thx_weights_close(NULL);
    place_close(&p);
}

#define TENSOR(name, from, to)                                                                               \
    "{\"" name "\":{\"dtype\":\"U8\",\"shape\":[" #to "],\"data_offsets\":[" #from "," #to "]}}"
#define INDEX "model.safetensors.index.json"

static void shards(void **state)
{
    char  blob[160];
    place p;

    (void)state;
    place_open(&p);
    assert_int_equal(mkdir(in(&p, "blobs"), 0777), 0);
    write_tensors(&p, "blobs/0001", TENSOR("a", 0, 5), 5); /* as a hub cache keeps them */
    snprintf(blob, sizeof blob, "%s/blobs/0001", p.folder);
    assert_int_equal(symlink(blob, in(&p, "one.safetensors")), 0);
    write_tensors(&p, "two.safetensors",
                  "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"unlisted\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2);
    write_text(&p, INDEX,
               "{\"metadata\":{\"total_size\":6},\"weight_map\":{\"b\":\"two.safetensors\",\"a\":\"one."
               "safetensors\"}}");
    thx_weights *w = opened(p.folder);
    assert_int_equal(thx_weights_count(w), 3);
    assert_non_null(strstr(thx_weights_file(w, 0), "/one.safetensors"));
    assert_non_null(strstr(thx_weights_file(w, 2), "/two.safetensors"));
    assert_non_null(thx_weights_find(w, "unlisted"));
    assert_int_equal(*(const unsigned char *)thx_weights_find(w, "unlisted")->data, 1);
    thx_weights_close(w);

    write_text(&p, INDEX, "{\"weight_map\":{\"b\":\"two.safetensors\",\"a\":\"three.safetensors\"}}");
    refused(p.folder, THORAX_IO, "three.safetensors", INDEX);
    write_text(&p, INDEX, "{\"weight_map\":{\"b\":\"two.safetensors\",\"gone\":\"one.safetensors\"}}");
    refused(p.folder, THORAX_FORMAT, "tensor gone", "one.safetensors");
    write_text(&p, INDEX, "{\"weight_map\":{\"b\":\"one.safetensors\",\"a\":\"two.safetensors\"}}");
    refused(p.folder, THORAX_FORMAT, "lies in", "two.safetensors");
    write_tensors(&p, "two.safetensors", TENSOR("a", 0, 2), 2);
    write_text(&p, INDEX, "{\"weight_map\":{\"b\":\"two.safetensors\",\"a\":\"one.safetensors\"}}");
    refused(p.folder, THORAX_FORMAT, "tensor a is in", "again in");
    write_text(&p, "two.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
    refused(p.folder, THORAX_FORMAT, "two.safetensors: this is a git-LFS pointer", "git lfs pull");
    place_close(&p);
}

static void broken_indexes(void **state)
{
    static const struct { const char *text, *says; } cases[] = {
        { "", "empty" },
        { "{", "broken" },
        { "[]", "object" },
        { "{\"weight_map\":{}}", "weight_map" },
        { "{\"weight_map\":[]}", "weight_map" },
        { "{\"metadata\":{}}", "weight_map" },
        { "{\"weight_map\":{\"a\":5}}", "tensor a" },
        { "{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "../x" },
        { "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "/etc" },
        { "{\"weight_map\":{\"a\":\"sub/x.safetensors\"}}", "sub/x" },
        { "{\"weight_map\":{\"a\":\"..\"}}", "tensor a" },
        { "{\"weight_map\":{\"a\":\"\"}}", "tensor a" },
        { "{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", "duplicate" },
        { "{\"weight_map\":{\"a\":\"x\"},\"weight_map\":{\"a\":\"x\"}}", "duplicate" },
        { "{\"weight_map\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}", "deep" },
        { "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-LFS" },
        { "<!DOCTYPE html><html>", "web page" },
    };
    place p;

    (void)state;
    place_open(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(&p, INDEX, cases[i].text);
        refused(p.folder, THORAX_FORMAT, INDEX, cases[i].says);
    }
    assert_int_equal(unlink(in(&p, INDEX)), 0);
    refused(p.folder, THORAX_MODEL, p.folder, "found neither");
    write_text(&p, "adapter_model.bin", "PK");
    refused(p.folder, THORAX_MODEL, p.folder, "found only adapter_model.bin");
    write_text(&p, "pytorch_model.bin", "PK");
    refused(p.folder, THORAX_FORMAT, "pytorch_model.bin", "too few");
    refused(in(&p, "absent"), THORAX_IO, "absent", "");
    refused("/dev/null", THORAX_IO, "/dev/null", "expected a file");
    place_close(&p);
}

#define U8(name, shape, from, to)                                                                            \
    "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void broken_headers(void **state)
{
    static const struct { const char *header, *says; size_t data;
    } cases[] = {
        { "{" U8("a", "[4]", 0, 4) "," U8("b", "[4]", 3, 7) "}", "overlap", 7 },
        { "{" U8("a", "[4]", 0, 4) "," U8("a", "[4]", 4, 8) "}", "duplicate", 8 },
        { "{" U8("a", "[4]", 0, 4) "}", "cut short", 3 },
        { "{" U8("a", "[4]", 0, 4) "}", "belong to no tensor", 5 },
        { "{" U8("a", "[4]", 1, 5) "}", "belong to none", 5 },
        { "{" U8("a", "[5]", 0, 4) "}", "5 U8 values", 4 },
        { "{" U8("a", "[4]", 4, 0) "}", "spans", 4 },
        { "{" U8("a", "[4]", -4, 0) "}", "data_offsets", 4 },
        { "{" U8("a", "[4294967296,4294967296]", 0, 0) "}", "too large", 0 },
        { "{" U8("a", "[-1]", 0, 4) "}", "dimension 0", 4 },
        { "{" U8("a", "[4.0]", 0, 4) "}", "dimension 0", 4 },
        { "{" U8("a", "4", 0, 4) "}", "no shape", 4 },
        { "{" U8("a", "[1,1,1,1,1,1,1,1,4]", 0, 4) "}", "9 dimensions", 4 },
        { "{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", "F64 values",
          0 },
        { "{\"a\":{\"dtype\":\"Q7\",\"shape\":[4],\"data_offsets\":[0,4]}}", "unknown dtype Q7", 4 },
        { "{\"a\":{\"dtype\":8,\"shape\":[4],\"data_offsets\":[0,4]}}", "unknown dtype", 4 },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4,8]}}", "data_offsets", 4 },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,99999999999999999999]}}", "broken", 4 },
        { "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", "3 F4 values", 2 },
        { "{\"a\":[]}", "entry a", 4 },
        { "{\"a\":{}", "broken", 4 },
        { "{} x", "broken", 0 },
        { "[]", "object", 0 },
        { "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[", "deep", 0 },
        { "{\"\xff\":{}}", "broken", 0 },
        { "{\"\\u0000\":{}}", "broken", 0 },
    };
    place p;

    (void)state;
    place_open(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_tensors(&p, "x.safetensors", cases[i].header, cases[i].data);
        refused(in(&p, "x.safetensors"), THORAX_FORMAT, "x.safetensors", cases[i].says);
    }
    place_close(&p);
}

static void foreign_files(void **state)
{
    static const struct { const char *bytes; size_t size; const char *says; } cases[] = {
#define CASE(bytes, says) { bytes, sizeof bytes - 1, says }
        CASE("", "empty"),
        CASE("\x02", "too few"),
        CASE("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git-LFS pointer"),
        CASE("PK\x03\x04 and so on and on", "zip archive"),
        CASE("\x80\x02}q\x00(X", "pickle"),
        CASE("GGUF\x03\0\0\0\0\0\0\0\0\0\0\0", "GGUF"),
        CASE("\x89HDF\r\n\x1a\n", "HDF5"),
        CASE("<!DOCTYPE html>\n<html>login</html>", "web page"),
        CASE("This is a text file that somebody renamed.", "not a safetensors file"),
        CASE("\xff\xff\xff\xff\xff\xff\xff\xff{\"a\":{}}", "cut short"),
        CASE("\xff\0\0\0\0\0\0\0{\"a\":{}}", "cut short"),
        CASE("\0\0\0\0\0\0\0\0", "broken"),
#undef CASE
    };
    place p;

    (void)state;
    place_open(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_bytes(&p, "x.safetensors", cases[i].bytes, cases[i].size);
        refused(in(&p, "x.safetensors"), THORAX_FORMAT, "x.safetensors", cases[i].says);
    }
    place_close(&p);
}

/* A header of 640 bytes: its length begins like a pickle. */
static void ambiguous_beginning(void **state)
{
    static const char tensor[] = TENSOR("a", 0, 4);
    char  header[641];
    place p;

    (void)state;
    place_open(&p);
    memset(header, ' ', sizeof header);
    header[640] = 0;
    memcpy(header, tensor, sizeof tensor - 1);
    write_tensors(&p, "x.safetensors", header, 4);
    thx_weights *w = opened(p.path);
    assert_int_equal(thx_weights_count(w), 1);
    assert_false(thx_weights_pytorch(w, 0));
    thx_weights_close(w);
    place_close(&p);
}

static void limits(void **state)
{
    enum { HEADER = 100000001, COMMAS = 4000001 };
    place p;
    char *text = malloc(COMMAS + 3);

    (void)state;
    place_open(&p);
    FILE *f = fopen(in(&p, "x.safetensors"), "wb"); /* a hole: takes no space on the disk */
    const uint32_t prefix[2] = { HEADER, 0 };
    assert_int_equal(fwrite(prefix, 1, 8, f), 8);
    fputc('{', f);
    assert_int_equal(fseek(f, HEADER + 7, SEEK_SET), 0);
    fputc('}', f);
    fclose(f);
    refused(p.path, THORAX_LIMIT, "100000001 bytes", "100000000");

    memset(text, ',', COMMAS + 2);
    text[0] = '{';
    text[COMMAS + 2] = 0;
    write_tensors(&p, "x.safetensors", text, 0);
    refused(p.path, THORAX_LIMIT, "values", "4000000");
    free(text);

    f = fopen(in(&p, INDEX), "w");
    fputs("{\"weight_map\":{", f);
    for (int i = 0; i < 4097; i++) fprintf(f, "%s\"t%d\":\"s%d\"", i ? "," : "", i, i);
    fputs("}}", f);
    fclose(f);
    refused(p.folder, THORAX_LIMIT, "4097 shards", "4096");
    place_close(&p);
}

/* Checkpoints saved by the original library: what their indexes say must come out. */
static void published_layouts(void **state)
{
    static const struct { const char *folder; size_t tensors; uint64_t value_bytes; } cases[] = {
        { "golden/radvlm-a/model", 69, 6016576 },
        { "golden/radvlm-b/model", 68, 4857088 },
        { "golden/radvlm-c/model", 69, 8516608 },
        { "golden/radvlm-d/model", 69, 4576128 },
        { "golden/radvlm-e/model", 97, 4200032 },
    };

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        thx_weights *w = opened(shared_path(cases[c].folder));
        uint64_t bytes = 0;

        for (size_t i = 0; i < thx_weights_count(w); i++) {
            const thx_view *v = thx_weights_at(w, i);
            const thx_value_count odd = thx_view_count_values(v);

            bytes += v->count * thx_type_bytes(v->type);
            assert_ptr_equal(thx_weights_find(w, v->name), v);
            assert_int_equal(odd.inf + odd.nan, 0);
        }
        assert_int_equal(thx_weights_count(w), cases[c].tensors);
        assert_int_equal(bytes, cases[c].value_bytes);
        thx_weights_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file), cmocka_unit_test(shards), cmocka_unit_test(broken_indexes),
        cmocka_unit_test(broken_headers), cmocka_unit_test(foreign_files), cmocka_unit_test(limits),
        cmocka_unit_test(ambiguous_beginning),
        cmocka_unit_test(published_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
