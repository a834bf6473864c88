/* Protobuf messages; see proto.h. */
#include "text/proto.h"

#include <string.h>

static thorax_status fail_at(const thx_proto *p, const char *what, thorax_error *err)
{
    return thx_fail(err, THORAX_FORMAT, p->base + p->at, "%s at byte %zu", what, p->base + p->at);
}

/* At most ten bytes of seven bits each, the lowest first. */
static thorax_status read_varint(thx_proto *p, uint64_t *out, thorax_error *err)
{
    *out = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (p->at >= p->size) return fail_at(p, "expected a number, found the end", err);
        const unsigned char byte = p->data[p->at++];
        if (shift == 63 && byte > 1) break;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return THORAX_OK;
    }
    return fail_at(p, "expected a number of 64 bits, found a longer one", err);
}

static thorax_status read_fixed(thx_proto *p, uint64_t *out, size_t size, thorax_error *err)
{
    *out = 0;
    if (p->size - p->at < size) return fail_at(p, "expected a number, found the end", err);
    for (size_t i = 0; i < size; i++) *out |= (uint64_t)p->data[p->at + i] << 8 * i;
    p->at += size;
    return THORAX_OK;
}

static thorax_status read_bytes(thx_proto *p, thx_field *field, thorax_error *err)
{
    uint64_t size;
    const thorax_status st = read_varint(p, &size, err);

    if (st) return st;
    if (size > p->size - p->at)
        return thx_fail(err, THORAX_FORMAT, p->base + p->at,
                        "field %u has %llu bytes at byte %zu, %zu are left", field->number,
                        (unsigned long long)size, p->base + p->at, p->size - p->at);
    field->bytes = (thx_proto){ p->data + p->at, (size_t)size, 0, p->base + p->at };
    p->at += (size_t)size;
    return THORAX_OK;
}

thorax_status thx_proto_next(thx_proto *p, thx_field *field, bool *more, thorax_error *err)
{
    uint64_t tag;

    *field = (thx_field){ 0 };
    *more = p->at < p->size;
    if (!*more) return THORAX_OK;
    const thorax_status st = read_varint(p, &tag, err);
    if (st) return st;
    if (!(tag >> 3) || tag >> 3 > 0x1fffffff) return fail_at(p, "expected a field number", err);
    field->number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case 0:
        field->kind = THX_FIELD_NUMBER;
        return read_varint(p, &field->value, err);
    case 1:
        field->kind = THX_FIELD_64;
        return read_fixed(p, &field->value, 8, err);
    case 2:
        field->kind = THX_FIELD_BYTES;
        return read_bytes(p, field, err);
    case 5:
        field->kind = THX_FIELD_32;
        return read_fixed(p, &field->value, 4, err);
    default:
        return fail_at(p, "expected a number, bytes or a message, found another kind", err);
    }
}

float thx_field_float(const thx_field *field)
{
    const uint32_t bits = (uint32_t)field->value;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}
