/* Boxes in text: both forms, and what is printed is read again. */
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    thx_box boxes[8], again[8];
    thx_string printed = { 0 };

    if (!text) abort();
    if (size) memcpy(text, data, size);
    text[size] = 0;
    (void)thx_boxes_parse(boxes, 8, text, true);
    size_t n = thx_boxes_parse(boxes, 8, text, false);
    if (n > 8) n = 8;
    for (size_t i = 0; i < n; i++)
        if (!(boxes[i].x1 >= 0 && boxes[i].x1 < boxes[i].x2 && boxes[i].x2 <= 1)) abort();
    thx_string_add(&printed, "", 0);
    thx_boxes_print(&printed, boxes, n);
    if (thx_boxes_parse(again, 8, printed.data, true) != n) abort();
    thx_string_deinit(&printed);
    free(text);
    return 0;
}
