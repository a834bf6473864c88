/* SentencePiece models: the input is a tokenizer.model. What opens also encodes and decodes. */
#include "base/file.h"
#include "text/text.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "<s> The patient's 2nd film:  e\xcc\x81 \xe5\xbf\x83\n\n x\xff</s>a\xc2\x85 \xe2\x96\x81" "b lungs";

static void use(const thx_tokenizer *t)
{
    thx_ids ids = { 0 };
    thx_string out = { 0 };

    for (int control = 0; control < 2; control++)
        (void)!thx_tokenizer_encode_whole(t, text, sizeof text - 1, control, 0, &ids, NULL);
    (void)!thx_tokenizer_continue(t, text, sizeof text - 1, &ids, NULL);
    for (int32_t id = -1; id < 600; id++) thx_ids_add(&ids, id);
    for (int skip = 0; skip < 2; skip++) (void)!thx_tokenizer_decode(t, ids.data, ids.size, skip, &out, NULL);
    (void)thx_tokenizer_id(t, "a");
    thx_ids_deinit(&ids);
    thx_string_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[64], path[2][128];
    thx_tokenizer *t;

    snprintf(folder, sizeof folder, "/tmp/fuzz-model-%ld", (long)getpid());
    snprintf(path[0], sizeof path[0], "%s/tokenizer.model", folder);
    snprintf(path[1], sizeof path[1], "%s/tokenizer_config.json", folder);
    if (thx_folder_make(folder, NULL)) return 0;
    (void)!thx_file_write(path[0], data, size, NULL);
    (void)!thx_file_write(path[1], "{\"legacy\": false}", 17, NULL);
    if (!thx_tokenizer_open(&t, folder, NULL)) {
        use(t);
        thx_tokenizer_close(t);
    }
    unlink(path[0]);
    unlink(path[1]);
    rmdir(folder);
    return 0;
}
