/* SentencePiece models of the Unigram type: the input is an spm.model. What opens also encodes and decodes. */
#include "base/file.h"
#include "text/text.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "[CLS] The patient's 2nd film:  e\xcc\x81 \xe5\xbf\x83\n\n x\xff[SEP]a\xc2\x85 \xe2\x96\x81"
                           "b lower lungs";

static void use(const thx_tokenizer *t)
{
    thx_ids ids = { 0 };
    thx_string out = { 0 };

    for (int control = 0; control < 2; control++)
        (void)!thx_tokenizer_encode_whole(t, text, sizeof text - 1, control, 0, &ids, NULL);
    for (int32_t id = -1; id < 300; id++) thx_ids_add(&ids, id);
    for (int skip = 0; skip < 2; skip++) (void)!thx_tokenizer_decode(t, ids.data, ids.size, skip, &out, NULL);
    (void)thx_tokenizer_id(t, "a");
    thx_ids_deinit(&ids);
    thx_string_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[64], path[128];
    thx_tokenizer *t;

    snprintf(folder, sizeof folder, "/tmp/fuzz-spm-%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/spm.model", folder);
    if (thx_folder_make(folder, NULL)) return 0;
    (void)!thx_file_write(path, data, size, NULL);
    if (!thx_tokenizer_open(&t, folder, NULL)) {
        use(t);
        thx_tokenizer_close(t);
    }
    unlink(path);
    rmdir(folder);
    return 0;
}
