/* The machine of pickle.c, as its opcodes see it. */
#ifndef THX_WEIGHTS_PICKLE_MACHINE_H
#define THX_WEIGHTS_PICKLE_MACHINE_H

#include "weights/pickle.h"

typedef struct thx_places { uint32_t *at; size_t count, room; } thx_places;

typedef struct thx_machine {
    thx_pickle          *p;
    const unsigned char *start, *at, *end;
    thx_places           stack, marks; /* values; heights of the stack */
    thx_places           memo;         /* values, 0 = empty; count: places up to the last one in use */
    size_t               memoized;     /* places in use */
    unsigned char        opcode;
    uint64_t             base;
    const char          *where;
    thorax_error        *err;
} thx_machine;

/* An opcode, whose byte is behind us. */
typedef thorax_status thx_op(thx_machine *m);

/* Names and calls (pickle_calls.c). */
thx_op thx_op_global, thx_op_stack_global, thx_op_call, thx_op_build, thx_op_persistent;

__attribute__((format(printf, 3, 4)))
thorax_status thx_machine_fail(const thx_machine *m, thorax_status status, const char *format, ...);
#define THX_BAD(m, ...) thx_machine_fail(m, THORAX_FORMAT, __VA_ARGS__)

static inline thx_pickle_value *thx_machine_value(const thx_machine *m, uint32_t value) { return &m->p->values[value]; }

/* The stack, above the last mark; a new value gets a number and goes onto it. */
thorax_status thx_machine_push(thx_machine *m, uint32_t value);
thorax_status thx_machine_push_new(thx_machine *m, thx_pickle_value v);
thorax_status thx_machine_pop(thx_machine *m, uint32_t *value);
thorax_status thx_machine_top(thx_machine *m, uint32_t *value);

/* The next bytes of the pickle. */
thorax_status thx_machine_take(thx_machine *m, const unsigned char **bytes, uint64_t size);

#endif
