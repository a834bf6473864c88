/* What the files of the chat client share: the open client, and how a question becomes a request. */
#ifndef THX_NET_CHAT_INTERNAL_H
#define THX_NET_CHAT_INTERNAL_H

#include "net/chat.h"

struct thx_chat {
    thx_chat_options options;
    thx_url          url;      /* of `address`, without what is secret           */
    char            *address;  /* whole, as requests go to it                    */
    char            *header;   /* with the key; NULL = none; wiped at close      */
    thx_http        *http;
    unsigned short   dice[3];  /* state of the generator of jitter               */
    bool             heard;    /* the service answered something, once           */
    thx_chat_account account;
};

/* The body of a question's request: members sorted, so that equal questions are equal bytes; the caller frees it.
 * THORAX_NOMEM; THORAX_USAGE: a message is not UTF-8. */
thorax_status thx_chat_body(char **out, const thx_chat *c, const thx_chat_question *q, thorax_error *err);

/* The key of a body. */
void thx_chat_body_key(char hex[65], const thx_chat *c, const char *body);

#endif
