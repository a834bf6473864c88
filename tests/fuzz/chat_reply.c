/* Replies of chat services: any body has a state; names that get into messages are plain; a wait is no less than 0. */
#include "net/chat.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/";
    thx_chat_read     r;
    thx_url           url;
    char             *text = malloc(size + 1);

    if (!text) abort();
    if (size) memcpy(text, data, size);
    text[size] = 0;
    if (thx_chat_read_reply(&r, (const char *)data, size, NULL)) abort();
    const bool answered = r.state == THX_CHAT_ANSWERED || r.state == THX_CHAT_CUT;
    if (answered != (r.text != NULL)) abort();
    if (r.model[strspn(r.model, plain)] || r.code[strspn(r.code, plain)]) abort();
    free(r.text);
    const double wait = thx_http_retry_after((const char *)data, size, 1.7e9);
    if (!(wait >= 0 || wait == -1)) abort();
    if (!thx_url_read(&url, text, NULL) && (!url.host[0] || strlen(url.shown) >= THX_URL_TEXT)) abort();
    free(text);
    return 0;
}
