/* Records and predictions: the first byte chooses how the rest is read (by content, JSON lines, array, CSV, lines). */
#include "eval/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static thorax_status take(void *data, const thx_eval_item *item, thorax_error *err)
{
    return thx_eval_set_add(data, "fuzz", item, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_eval_reading reading = { .columns = "prediction=a,reference=b" };
    thx_eval_set set;

    if (!size || thx_eval_set_init(&set, NULL)) return 0;
    reading.format = (thx_eval_format)(data[0] % 5);
    (void)!thx_eval_read_text((const char *)data + 1, size - 1, data[0] & 8 ? "fuzz.csv" : "fuzz", &reading, take, &set,
                              &set.problems, NULL);
    (void)!thx_eval_set_index(&set, NULL);
    (void)thx_eval_set_find(&set, "report", "#1");
    (void)!thx_eval_set_attach(&set, &set, ".", NULL);
    thx_eval_set_deinit(&set);
    return 0;
}
