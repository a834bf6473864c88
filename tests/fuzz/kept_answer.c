/* Files of kept answers: what is taken is whole. */
#include "net/answers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char key[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    thx_kept          k;

    if (thx_answers_read(&k, key, (const char *)data, size) != (k.text != NULL)) abort();
    free(k.text);
    return 0;
}
