/* WordPiece vocabularies and texts: up to a line "==" the input is a vocab.txt, from there on what is
 * encoded with it; five special tokens come first. */
#include "base/file.h"
#include "text/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const thx_tokenizer *t, const char *text, size_t size)
{
    thx_ids ids = { 0 };
    thx_string out = { 0 };

    for (int control = 0; control < 2; control++)
        (void)!thx_tokenizer_encode_whole(t, text, size, control, control ? 0 : 64, &ids, NULL);
    for (int32_t id = -1; id < 100; id++) thx_ids_add(&ids, id);
    (void)!thx_tokenizer_decode(t, ids.data, ids.size, true, &out, NULL);
    (void)thx_tokenizer_id(t, "##a");
    thx_ids_deinit(&ids);
    thx_string_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char special[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    char folder[64], path[128];
    thx_string words = { 0 };
    thx_tokenizer *t;
    size_t cut = 0;

    while (cut < size && (size - cut < 4 || memcmp(data + cut, "\n==\n", 4))) cut++;
    snprintf(folder, sizeof folder, "/tmp/fuzz-vocab-%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/vocab.txt", folder);
    thx_string_puts(&words, special);
    thx_string_add(&words, (const char *)data, cut);
    if (!words.failed && !thx_folder_make(folder, NULL)) {
        (void)!thx_file_write(path, words.data, words.size, NULL);
        if (!thx_tokenizer_open(&t, folder, NULL)) {
            const size_t from = cut < size ? cut + 4 : size;
            use(t, (const char *)data + from, size - from);
            thx_tokenizer_close(t);
        }
        unlink(path);
        rmdir(folder);
    }
    thx_string_deinit(&words);
    return 0;
}
