/* The restricted pickle machine; see pickle.h. One function an opcode, called from a table; nothing recurses. */
#include "weights/pickle_machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/bytes.h"

enum {
    MAX_VALUES = 1 << 20, MAX_ITEMS = 1 << 21, MAX_STACK = 1 << 20, MAX_MARKS = 1 << 16, MAX_MEMO = 1 << 20,
    FIRST_PROTOCOL = 2, LAST_PROTOCOL = 5,
};

/* ---- Errors ---- */

thorax_status thx_machine_fail(const thx_machine *m, thorax_status status, const char *format, ...)
{
    const uint64_t at = m->base + (uint64_t)(m->at - m->start);
    char           text[160];
    va_list        args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return thx_fail(m->err, status, at, "%s: %s", m->where, text);
}

static thorax_status cut_short(const thx_machine *m) { return THX_BAD(m, "ends in the middle; cut short?"); }

/* ---- Values and places ---- */

/* Room for one more of `size` bytes each; 1 and more places are used. */
static thorax_status grow(const thx_machine *m, void **at, uint32_t *room, uint32_t used, uint32_t most, size_t size)
{
    if (used < *room) return THORAX_OK;
    if (used >= most) return thx_machine_fail(m, THORAX_LIMIT, "holds more than %" PRIu32 " values", most);
    const uint32_t more = *room ? (*room > most / 2 ? most : *room * 2) : 64;
    void *moved = realloc(*at, more * size);
    if (!moved) return thx_machine_fail(m, THORAX_NOMEM, "no memory for what it holds");
    *at = moved;
    *room = more;
    return THORAX_OK;
}

static thorax_status place_add(const thx_machine *m, thx_places *p, uint32_t value, size_t most)
{
    if (p->count == most) return thx_machine_fail(m, THORAX_LIMIT, "stacks more than %zu values", most);
    if (p->count == p->room) {
        const size_t room = p->room ? p->room * 2 : 64;
        uint32_t *at = realloc(p->at, room * sizeof *at);

        if (!at) return thx_machine_fail(m, THORAX_NOMEM, "no memory for its stack");
        p->at = at;
        p->room = room;
    }
    p->at[p->count++] = value;
    return THORAX_OK;
}

thorax_status thx_machine_push(thx_machine *m, uint32_t value) { return place_add(m, &m->stack, value, MAX_STACK); }

thorax_status thx_machine_push_new(thx_machine *m, thx_pickle_value v)
{
    thx_pickle *p = m->p;

    thorax_status st = grow(m, (void **)&p->values, &p->values_room, p->n_values, MAX_VALUES, sizeof v);
    if (st) return st;
    p->values[p->n_values] = v;
    return thx_machine_push(m, p->n_values++);
}

static thorax_status push_kind(thx_machine *m, thx_pickle_kind kind)
{
    return thx_machine_push_new(m, (thx_pickle_value){ .kind = kind });
}

/* The lowest place that may be taken from the stack: above the last mark. */
static size_t stack_floor(const thx_machine *m) { return m->marks.count ? m->marks.at[m->marks.count - 1] : 0; }

thorax_status thx_machine_pop(thx_machine *m, uint32_t *value)
{
    if (m->stack.count <= stack_floor(m)) return THX_BAD(m, "takes a value from an empty stack");
    *value = m->stack.at[--m->stack.count];
    return THORAX_OK;
}

thorax_status thx_machine_top(thx_machine *m, uint32_t *value)
{
    if (m->stack.count <= stack_floor(m)) return THX_BAD(m, "takes a value from an empty stack");
    *value = m->stack.at[m->stack.count - 1];
    return THORAX_OK;
}

/* Where the values above the last mark begin; the mark is taken away. */
static thorax_status pop_mark(thx_machine *m, size_t *from)
{
    if (!m->marks.count) return THX_BAD(m, "takes a mark that is not there");
    *from = m->marks.at[--m->marks.count];
    return THORAX_OK;
}

/* Appends to the chain of `owner`. */
static thorax_status item_add(thx_machine *m, uint32_t owner, uint32_t value)
{
    thx_pickle *p = m->p;

    thorax_status st = grow(m, (void **)&p->items, &p->items_room, p->n_items, MAX_ITEMS, sizeof *p->items);
    if (st) return st;
    thx_pickle_value *o = thx_machine_value(m, owner), *v = thx_machine_value(m, value);
    const uint32_t    item = p->n_items++;
    p->items[item] = (thx_pickle_item){ .value = value };
    if (o->last) p->items[o->last].next = item;
    else o->first = item;
    o->last = item;
    o->count++;
    if (o->kind == THX_PICKLE_TUPLE)
        o->tensors = o->tensors || v->tensors || v->kind == THX_PICKLE_STORAGE || v->kind == THX_PICKLE_TENSOR;
    return THORAX_OK;
}

size_t thx_pickle_items(const thx_pickle_value **out, size_t room, const thx_pickle *p, const thx_pickle_value *v)
{
    size_t n = 0;

    for (uint32_t i = v->first; i && n < room; i = p->items[i].next) out[n++] = &p->values[p->items[i].value];
    return v->count;
}

/* ---- Bytes of the pickle ---- */

thorax_status thx_machine_take(thx_machine *m, const unsigned char **bytes, uint64_t size)
{
    if (size > (uint64_t)(m->end - m->at)) return cut_short(m);
    *bytes = m->at;
    m->at += size;
    return THORAX_OK;
}

static thorax_status take_number(thx_machine *m, uint64_t *number, int bytes)
{
    const unsigned char *at = NULL;

    const thorax_status st = thx_machine_take(m, &at, (uint64_t)bytes);
    *number = st ? 0 : thx_le(at, bytes);
    return st;
}

/* ---- Plain values ---- */

static thorax_status op_none(thx_machine *m) { return push_kind(m, THX_PICKLE_NONE); }
static thorax_status op_true(thx_machine *m) { return push_kind(m, THX_PICKLE_TRUE); }
static thorax_status op_false(thx_machine *m) { return push_kind(m, THX_PICKLE_FALSE); }
static thorax_status op_tuple0(thx_machine *m) { return push_kind(m, THX_PICKLE_TUPLE); }
static thorax_status op_list(thx_machine *m) { return push_kind(m, THX_PICKLE_LIST); }
static thorax_status op_dict(thx_machine *m) { return push_kind(m, THX_PICKLE_DICT); }
static thorax_status op_set(thx_machine *m) { return push_kind(m, THX_PICKLE_SET); }

static thorax_status push_int(thx_machine *m, int64_t number)
{
    return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_INT, .number = number });
}

static thorax_status op_int(thx_machine *m) /* J: 4 bytes, signed; K, M: 1 and 2, unsigned */
{
    uint64_t            n;
    const thorax_status st = take_number(m, &n, m->opcode == 'J' ? 4 : m->opcode == 'K' ? 1 : 2);

    if (st) return st;
    return push_int(m, m->opcode == 'J' ? (int32_t)(uint32_t)n : (int64_t)n);
}

static thorax_status op_long(thx_machine *m)
{
    const unsigned char *bytes = NULL;
    uint64_t             size;
    thorax_status        st = take_number(m, &size, 1);

    if (!st) st = thx_machine_take(m, &bytes, size);
    if (st) return st;
    if (size > 8)
        return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_LONG, .text = bytes, .count = size });
    uint64_t n = thx_le(bytes, (int)size);
    if (size && size < 8 && bytes[size - 1] & 0x80) n |= UINT64_MAX << 8 * size;
    return push_int(m, (int64_t)n);
}

static thorax_status op_real(thx_machine *m)
{
    const unsigned char *bytes;
    const thorax_status  st = thx_machine_take(m, &bytes, 8);

    return st ? st : push_kind(m, THX_PICKLE_REAL);
}

static thorax_status op_text(thx_machine *m) /* X: 4 bytes of length; 0x8d: 8; U, 0x8c: 1 */
{
    const unsigned char *bytes = NULL;
    uint64_t             size;
    thorax_status        st = take_number(m, &size, m->opcode == 'X' ? 4 : m->opcode == 0x8d ? 8 : 1);

    if (!st) st = thx_machine_take(m, &bytes, size);
    if (st) return st;
    if (!thx_is_utf8(bytes, size)) return THX_BAD(m, "has a text that is not UTF-8");
    return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_TEXT, .text = bytes, .count = size });
}

/* ---- The memo ---- */

static thorax_status memo_put(thx_machine *m, uint64_t place)
{
    uint32_t      value = 0;
    thorax_status st = thx_machine_top(m, &value);

    if (!st && place >= MAX_MEMO)
        st = thx_machine_fail(m, THORAX_LIMIT, "remembers a value at place %" PRIu64 ", the limit is %d", place,
                              MAX_MEMO);
    while (!st && m->memo.count <= place) st = place_add(m, &m->memo, 0, MAX_MEMO);
    if (st) return st;
    m->memoized += !m->memo.at[place];
    m->memo.at[place] = value;
    return THORAX_OK;
}

static thorax_status op_put(thx_machine *m)
{
    uint64_t            place;
    const thorax_status st = take_number(m, &place, m->opcode == 'q' ? 1 : 4);

    return st ? st : memo_put(m, place);
}

static thorax_status op_memoize(thx_machine *m) { return memo_put(m, m->memoized); }

static thorax_status op_get(thx_machine *m)
{
    uint64_t            place;
    const thorax_status st = take_number(m, &place, m->opcode == 'h' ? 1 : 4);

    if (st) return st;
    if (place >= m->memo.count || !m->memo.at[place])
        return THX_BAD(m, "asks for the value at place %" PRIu64 ", where there is none", place);
    return thx_machine_push(m, m->memo.at[place]);
}

/* ---- Containers ---- */

static thorax_status op_mark(thx_machine *m) { return place_add(m, &m->marks, (uint32_t)m->stack.count, MAX_MARKS); }

/* A tuple of the values from place `from` of the stack on. */
static thorax_status make_tuple(thx_machine *m, size_t from)
{
    const size_t  end = m->stack.count;
    thorax_status st = push_kind(m, THX_PICKLE_TUPLE);

    for (size_t i = from; !st && i < end; i++) st = item_add(m, m->stack.at[end], m->stack.at[i]);
    if (st) return st;
    m->stack.at[from] = m->stack.at[end];
    m->stack.count = from + 1;
    return THORAX_OK;
}

static thorax_status op_tuple(thx_machine *m)
{
    size_t              from = 0;
    const thorax_status st = pop_mark(m, &from);

    return st ? st : make_tuple(m, from);
}

static thorax_status op_tuple_n(thx_machine *m) /* 0x85, 0x86, 0x87: of 1, 2, 3 */
{
    const size_t n = (size_t)m->opcode - 0x84;

    if (m->stack.count - stack_floor(m) < n) return THX_BAD(m, "takes a value from an empty stack");
    return make_tuple(m, m->stack.count - n);
}

/* Values from place `from` of the stack on go to the container below them; an opaque one swallows them. */
static thorax_status put_into(thx_machine *m, size_t from, thx_pickle_kind kind)
{
    thorax_status st = THORAX_OK;

    if (from <= stack_floor(m)) return THX_BAD(m, "takes a value from an empty stack");
    const uint32_t          into = m->stack.at[from - 1];
    const thx_pickle_kind found = thx_machine_value(m, into)->kind;
    if (found != kind && found != THX_PICKLE_OPAQUE)
        return THX_BAD(m, "adds to what is no %s", kind == THX_PICKLE_LIST ? "list" : "dict");
    if (kind == THX_PICKLE_DICT && (m->stack.count - from) % 2) return THX_BAD(m, "has a key without a value");
    for (size_t i = from; !st && i < m->stack.count && found == kind; i++) st = item_add(m, into, m->stack.at[i]);
    m->stack.count = from;
    return st;
}

static thorax_status op_put_one(thx_machine *m) /* a: to a list; s: key and value to a dict */
{
    const size_t n = m->opcode == 'a' ? 1 : 2;

    if (m->stack.count - stack_floor(m) < n) return THX_BAD(m, "takes a value from an empty stack");
    return put_into(m, m->stack.count - n, n == 1 ? THX_PICKLE_LIST : THX_PICKLE_DICT);
}

static thorax_status op_put_many(thx_machine *m) /* e: to a list; u: to a dict */
{
    size_t              from = 0;
    const thorax_status st = pop_mark(m, &from);

    return st ? st : put_into(m, from, m->opcode == 'e' ? THX_PICKLE_LIST : THX_PICKLE_DICT);
}

/* ---- The frame of it ---- */

static thorax_status op_protocol(thx_machine *m)
{
    uint64_t            version;
    const thorax_status st = take_number(m, &version, 1);

    if (st || (version >= FIRST_PROTOCOL && version <= LAST_PROTOCOL)) return st;
    return THX_BAD(m, "is of pickle protocol %" PRIu64 "; %d to %d are read", version, FIRST_PROTOCOL, LAST_PROTOCOL);
}

static thorax_status op_frame(thx_machine *m)
{
    uint64_t            size;
    const thorax_status st = take_number(m, &size, 8);

    return st || size <= (uint64_t)(m->end - m->at) ? st : cut_short(m);
}

static thx_op *const ops[256] = {
    [0x80] = op_protocol, [0x95] = op_frame,
    ['N'] = op_none, [0x88] = op_true, [0x89] = op_false, ['J'] = op_int, ['K'] = op_int, ['M'] = op_int,
    [0x8a] = op_long, ['G'] = op_real, ['X'] = op_text, ['U'] = op_text, [0x8c] = op_text, [0x8d] = op_text,
    ['q'] = op_put, ['r'] = op_put, [0x94] = op_memoize, ['h'] = op_get, ['j'] = op_get,
    ['('] = op_mark, [')'] = op_tuple0, ['t'] = op_tuple, [0x85] = op_tuple_n, [0x86] = op_tuple_n, [0x87] = op_tuple_n,
    [']'] = op_list, ['a'] = op_put_one, ['e'] = op_put_many, ['}'] = op_dict, ['s'] = op_put_one, ['u'] = op_put_many,
    [0x8f] = op_set,
    ['c'] = thx_op_global, [0x93] = thx_op_stack_global, ['R'] = thx_op_call, [0x81] = thx_op_call,
    ['b'] = thx_op_build, ['Q'] = thx_op_persistent,
};

static thorax_status run(thx_machine *m)
{
    thorax_status st = THORAX_OK;

    for (;;) {
        if (m->at == m->end) return cut_short(m);
        m->opcode = *m->at++;
        if (m->opcode == '.') return thx_machine_pop(m, &m->p->root);
        if (!ops[m->opcode]) return THX_BAD(m, "has the opcode 0x%02x, which no weights need", m->opcode);
        if ((st = ops[m->opcode](m))) return st;
    }
}

thorax_status thx_pickle_read(thx_pickle *out, size_t *used, const unsigned char *data, size_t size, uint64_t at,
                              const char *where, thorax_error *err)
{
    static const unsigned char none[1];
    thx_machine m = { .p = out, .start = size ? data : none, .base = at, .where = where, .err = err };

    *out = (thx_pickle){ .n_values = 1, .n_items = 1 };
    m.at = m.start;
    m.end = m.start + size;
    const thorax_status st = run(&m);
    *used = (size_t)(m.at - m.start);
    free(m.stack.at);
    free(m.marks.at);
    free(m.memo.at);
    if (st) thx_pickle_deinit(out);
    return st;
}

void thx_pickle_deinit(thx_pickle *p)
{
    free(p->values);
    free(p->items);
    *p = (thx_pickle){ 0 };
}
