/* Names in a pickle and what is done with them: three functions and the storage types are known, all else is opaque.
 * See pickle.h. */
#include "weights/pickle_machine.h"

#include <string.h>

#include "weights/bytes.h"

enum { MAX_NAME = 512 /* bytes of a module's or a global's name */ };

/* ---- Names that are known ---- */

typedef enum known { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, STORAGE_TYPE } known;

static const struct { const char *module, *name; known known; thx_type type; } globals[] = {
    { "collections", "OrderedDict", ORDERED_DICT, THX_TYPES },
    { "torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR, THX_TYPES },
    { "torch._utils", "_rebuild_parameter", REBUILD_PARAMETER, THX_TYPES },
    { "torch", "FloatStorage", STORAGE_TYPE, THX_F32 },
    { "torch", "HalfStorage", STORAGE_TYPE, THX_F16 },
    { "torch", "BFloat16Storage", STORAGE_TYPE, THX_BF16 },
    { "torch", "DoubleStorage", STORAGE_TYPE, THX_F64 },
    { "torch", "LongStorage", STORAGE_TYPE, THX_I64 },
    { "torch", "IntStorage", STORAGE_TYPE, THX_I32 },
    { "torch", "ShortStorage", STORAGE_TYPE, THX_I16 },
    { "torch", "CharStorage", STORAGE_TYPE, THX_I8 },
    { "torch", "ByteStorage", STORAGE_TYPE, THX_U8 },
    { "torch", "BoolStorage", STORAGE_TYPE, THX_BOOL },
};

thx_type thx_pickle_storage_type(const thx_pickle_value *v)
{
    return v->kind == THX_PICKLE_GLOBAL ? globals[v->number].type : THX_TYPES;
}

static bool is_global(const thx_pickle_value *v, known which)
{
    return v->kind == THX_PICKLE_GLOBAL && globals[v->number].known == which;
}

static bool same_text(const unsigned char *text, size_t size, const char *want)
{
    return size == strlen(want) && !memcmp(text, want, size);
}

/* ---- Names and calls ---- */

static thorax_status push_global(thx_machine *m, const unsigned char *module, size_t module_size,
                                 const unsigned char *name, size_t name_size)
{
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
        if (same_text(module, module_size, globals[i].module) && same_text(name, name_size, globals[i].name))
            return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_GLOBAL, .number = (int64_t)i });
    /* torch's functions of such names make tensors, even those that take no storage */
    return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_OPAQUE, .text = name, .count = name_size,
                                                       .tensors = name_size > 8 && !memcmp(name, "_rebuild", 8) });
}

static thorax_status take_line(thx_machine *m, const unsigned char **line, size_t *size)
{
    const size_t         left = (size_t)(m->end - m->at);
    const unsigned char *end = memchr(m->at, '\n', left < MAX_NAME ? left : MAX_NAME);

    if (!end) return THX_BAD(m, "has a name without an end");
    *line = m->at;
    *size = (size_t)(end - m->at);
    m->at = end + 1;
    return thx_is_utf8(*line, *size) ? THORAX_OK : THX_BAD(m, "has a name that is not UTF-8");
}

thorax_status thx_op_global(thx_machine *m)
{
    const unsigned char *module = NULL, *name = NULL;
    size_t               module_size = 0, name_size = 0;
    thorax_status        st = take_line(m, &module, &module_size);

    if (!st) st = take_line(m, &name, &name_size);
    return st ? st : push_global(m, module, module_size, name, name_size);
}

thorax_status thx_op_stack_global(thx_machine *m)
{
    uint32_t      name = 0, module = 0;
    thorax_status st = thx_machine_pop(m, &name);

    if (!st) st = thx_machine_pop(m, &module);
    if (st) return st;
    const thx_pickle_value *a = thx_machine_value(m, module), *b = thx_machine_value(m, name);
    if (a->kind != THX_PICKLE_TEXT || b->kind != THX_PICKLE_TEXT || a->count > MAX_NAME || b->count > MAX_NAME)
        return THX_BAD(m, "has a name that is no text, or too long");
    return push_global(m, a->text, a->count, b->text, b->count);
}

/* What an opaque value gives: another one, which remembers whether tensors went in. */
static thorax_status push_opaque(thx_machine *m, uint32_t from, bool tensors)
{
    thx_pickle_value v = *thx_machine_value(m, from);

    v.tensors = v.tensors || tensors;
    return thx_machine_push_new(m, v);
}

static thorax_status rebuild_parameter(thx_machine *m, uint32_t args)
{
    const thx_pickle_value *a = thx_machine_value(m, args);
    const thx_pickle_value *part[3] = { 0 };

    if (thx_pickle_items(part, 3, m->p, a) != 3 || !thx_pickle_is_grad(part[1], part[2]) ||
        (part[0]->kind != THX_PICKLE_TENSOR && part[0]->kind != THX_PICKLE_OPAQUE))
        return THX_BAD(m, "makes a parameter of what is no tensor");
    return thx_machine_push(m, m->p->items[a->first].value);
}

/* R: calls; 0x81: makes an object of a class. */
thorax_status thx_op_call(thx_machine *m)
{
    uint32_t      args = 0, callee = 0;
    thorax_status st = thx_machine_pop(m, &args);

    if (!st) st = thx_machine_pop(m, &callee);
    if (st) return st;
    const thx_pickle_value *f = thx_machine_value(m, callee), *a = thx_machine_value(m, args);
    if (a->kind == THX_PICKLE_OPAQUE && f->kind == THX_PICKLE_OPAQUE) return push_opaque(m, callee, a->tensors);
    if (a->kind != THX_PICKLE_TUPLE) return THX_BAD(m, "calls with arguments that are no tuple");
    if (f->kind == THX_PICKLE_OPAQUE) return push_opaque(m, callee, a->tensors);
    if (is_global(f, ORDERED_DICT) && !a->count)
        return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_DICT, .ordered = true });
    if (is_global(f, REBUILD_TENSOR) && m->opcode == 'R')
        return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_TENSOR, .first = a->first,
                                                           .last = a->last, .count = a->count });
    if (is_global(f, REBUILD_PARAMETER) && m->opcode == 'R') return rebuild_parameter(m, args);
    if (f->kind == THX_PICKLE_GLOBAL) return THX_BAD(m, "calls %s in a way that is not known", globals[f->number].name);
    return THX_BAD(m, "calls what is no function");
}

/* The state of an OrderedDict (its metadata) is of no use here, that of an opaque value goes with it. */
thorax_status thx_op_build(thx_machine *m)
{
    uint32_t      state = 0, object = 0;
    thorax_status st = thx_machine_pop(m, &state);

    if (!st) st = thx_machine_top(m, &object);
    if (st) return st;
    const thx_pickle_value *o = thx_machine_value(m, object);
    if (o->kind == THX_PICKLE_OPAQUE || (o->kind == THX_PICKLE_DICT && o->ordered)) return THORAX_OK;
    return THX_BAD(m, "sets the state of a value that has none");
}

/* Q: ("storage", its type, key, place, elements), in old files with a view behind. */
thorax_status thx_op_persistent(thx_machine *m)
{
    const thx_pickle_value *part[6] = { 0 };
    uint32_t                id = 0;
    const thorax_status     st = thx_machine_pop(m, &id);

    if (st) return st;
    const thx_pickle_value *v = thx_machine_value(m, id);
    const size_t            n = v->kind == THX_PICKLE_TUPLE ? thx_pickle_items(part, 6, m->p, v) : 0;
    if (n < 5 || n > 6 || !thx_pickle_is_text(part[0], "storage") || part[2]->kind != THX_PICKLE_TEXT ||
        part[3]->kind != THX_PICKLE_TEXT)
        return THX_BAD(m, "refers to something that is no storage");
    if (part[1]->kind != THX_PICKLE_OPAQUE && thx_pickle_storage_type(part[1]) == THX_TYPES)
        return THX_BAD(m, "refers to a storage without a type");
    return thx_machine_push_new(m, (thx_pickle_value){ .kind = THX_PICKLE_STORAGE, .first = v->first,
                                                       .last = v->last, .count = n });
}
