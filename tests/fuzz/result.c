/* Results of evaluations, as `thorax eval table` reads them: printed in every format. */
#include "eval/table.h"

#include "base/file.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    json_t *result;

    snprintf(path, sizeof path, "/tmp/fuzz-result-%ld.json", (long)getpid());
    if (thx_file_write(path, data, size, NULL)) return 0;
    if (!thx_eval_result_read(&result, path, NULL)) {
        const json_t *const twice[] = { result, result };
        for (int format = THX_TABLE_TEXT; format <= THX_TABLE_JSON; format++) {
            thx_string text = { 0 };
            thx_eval_tables(&text, twice, 2, (thx_table_format)format);
            thx_string_deinit(&text);
        }
        json_decref(result);
    }
    unlink(path);
    return 0;
}
