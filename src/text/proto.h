/* A bounded reader of protobuf messages: field after field, nothing is copied. */
#ifndef THX_TEXT_PROTO_H
#define THX_TEXT_PROTO_H

#include "base/error.h"

/* The message data [size] lies `base` bytes into the file, so that errors can say where. */
typedef struct thx_proto { const unsigned char *data; size_t size, at, base; } thx_proto;

typedef struct thx_field {
    uint32_t number;
    enum { THX_FIELD_NUMBER, THX_FIELD_64, THX_FIELD_BYTES, THX_FIELD_32 } kind;
    uint64_t value;     /* a number, or the bits of a fixed one              */
    thx_proto bytes;    /* of text or of a message inside, ready to be read  */
} thx_field;

/* The next field; *more = false at the end. THORAX_FORMAT (without a file name): a length or number
 * that leaves the message, field 0, or a group, which no model file has. */
thorax_status thx_proto_next(thx_proto *p, thx_field *field, bool *more, thorax_error *err);

/* The value of a field as f32. */
float thx_field_float(const thx_field *field);

#endif
