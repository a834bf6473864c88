/* Tokenizer files. One part: tokenizer.json. Three parts with lines "==" between them: vocab.json,
 * merges.txt, tokenizer_config.json. What opens also encodes and decodes. */
#include "base/file.h"
#include "text/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "<|im_start|>The patient's 2nd film:  e\xcc\x81\xcc\xa7 \xe5\xbf\x83\n\n x\xff<s> a\xc2\x85 b";

static void use(const char *folder)
{
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thx_string out = { 0 };

    if (thx_tokenizer_open(&t, folder, NULL)) return;
    for (int control = 0; control < 2; control++)
        (void)!thx_tokenizer_encode(t, text, sizeof text - 1, control, &ids, NULL);
    for (int32_t id = -1; id < 300; id++) thx_ids_add(&ids, id);
    (void)!thx_tokenizer_decode(t, ids.data, ids.size, true, &out, NULL);
    (void)thx_tokenizer_id(t, "a");
    thx_ids_deinit(&ids);
    thx_string_deinit(&out);
    thx_tokenizer_close(t);
}

/* The next "==" line from `at`, or size. */
static size_t find_mark(const uint8_t *data, size_t size, size_t at)
{
    while (at < size && (size - at < 4 || memcmp(data + at, "\n==\n", 4))) at++;
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "tokenizer.json", "vocab.json", "merges.txt",
                                         "tokenizer_config.json" };
    char folder[64], path[4][128];
    const size_t first = find_mark(data, size, 0),
                 second = first < size ? find_mark(data, size, first + 4) : size;

    snprintf(folder, sizeof folder, "/tmp/fuzz-tokenizer-%ld", (long)getpid());
    if (thx_folder_make(folder, NULL)) return 0;
    for (size_t i = 0; i < 4; i++) snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    if (second < size) {
        (void)!thx_file_write(path[1], data, first, NULL);
        (void)!thx_file_write(path[2], data + first + 4, second - first - 4, NULL);
        (void)!thx_file_write(path[3], data + second + 4, size - second - 4, NULL);
    } else {
        (void)!thx_file_write(path[0], data, size, NULL);
    }
    use(folder);
    for (size_t i = 0; i < 4; i++) unlink(path[i]);
    rmdir(folder);
    return 0;
}
