/* Inside of the chat templates: what one is, as data, and how it is read from Jinja. */
#ifndef THX_TEXT_TEMPLATE_H
#define THX_TEXT_TEMPLATE_H

#include "text/text.h"

/* A message renders as  turn role after_role [image] before_text content end ;
 * the start of the answer as  answer. */
typedef enum thx_chat_part {
    THX_CHAT_TURN,
    THX_CHAT_AFTER_ROLE,
    THX_CHAT_IMAGE,
    THX_CHAT_BEFORE_TEXT,
    THX_CHAT_END,
    THX_CHAT_ANSWER,
    THX_CHAT_SYSTEM, /* a whole system turn for a conversation that has none; "" = nothing */
    THX_CHAT_PARTS
} thx_chat_part;

/* A talk of two voices, as Vicuna's: system separator, then for each message  voice ":", and where it
 * is not empty  " " [image] content end ; the start of the answer is the assistant's  voice ":".
 * User and assistant take turns, the user begins. */
typedef struct thx_talk {
    const char *system; /* where the conversation has none of its own */
    const char *user, *assistant;
    const char *after_user, *after_assistant; /* after_user also parts the system text from the rest */
} thx_talk;

typedef struct thx_chat {
    const char *name;
    bool        lists; /* the template takes content as a list of parts, images first */
    const char *parts[THX_CHAT_PARTS];
    const thx_talk *talk; /* where it is one: of the parts only THX_CHAT_IMAGE counts then */
} thx_chat;

/* The known ones; the name of the last is NULL. */
extern const thx_chat thx_chats[];

struct thx_template {
    thx_chat   chat;                  /* parts point into `owned`, or at constants */
    thx_string owned[THX_CHAT_PARTS];
};

/* Fills an empty template from Jinja source. eos: the folder's eos_token, for templates that print it; NULL: none.
 * THORAX_FORMAT: none that is known. */
thorax_status thx_chat_read(thx_template *t, const char *source, const char *eos, thorax_error *err);

#endif
