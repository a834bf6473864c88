/* Pickle of protocol 2; see checkpoint_pickle.h. */
#include "synth/checkpoint_pickle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_code(thx_pickle *p, char code) { thx_string_add(p->out, &code, 1); }

static void put_little(thx_pickle *p, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) put_code(p, (char)(value >> 8 * i & 0xff));
}

/* Gives the object just written the next number. */
static void put_number(thx_pickle *p)
{
    const uint32_t n = p->numbers++;

    put_code(p, n < 256 ? 'q' : 'r');
    put_little(p, n, n < 256 ? 1 : 4);
}

/* Calls an object by its number. */
static void call(thx_pickle *p, uint32_t n)
{
    put_code(p, n < 256 ? 'h' : 'j');
    put_little(p, n, n < 256 ? 1 : 4);
}

/* Was the word written before? Then it is called, else noted as the next object. */
static bool again(thx_pickle *p, const char *text)
{
    for (size_t i = 0; i < p->n_words; i++)
        if (!strcmp(p->words[i].text, text)) {
            call(p, p->words[i].number);
            return true;
        }
    if (p->n_words < THX_PICKLE_WORDS) {
        p->words[p->n_words].text = text;
        p->words[p->n_words++].number = p->numbers;
    }
    return false;
}

void thx_pickle_begin(thx_pickle *p, thx_string *out)
{
    *p = (thx_pickle){ .out = out };
    put_code(p, (char)0x80);
    put_code(p, 2);
}

void thx_pickle_end(thx_pickle *p) { put_code(p, '.'); }

void thx_pickle_text(thx_pickle *p, const char *text)
{
    const size_t n = strlen(text);

    put_code(p, 'X');
    put_little(p, n, 4);
    thx_string_add(p->out, text, n);
    put_number(p);
}

void thx_pickle_word(thx_pickle *p, const char *text)
{
    if (!again(p, text)) thx_pickle_text(p, text);
}

/* A name that the reader looks up: "module\nname". */
static void put_global(thx_pickle *p, const char *name)
{
    if (again(p, name)) return;
    put_code(p, 'c');
    thx_string_puts(p->out, name);
    put_code(p, '\n');
    put_number(p);
}

void thx_pickle_int(thx_pickle *p, uint64_t value)
{
    if (value < 1u << 8) put_code(p, 'K'), put_little(p, value, 1);
    else if (value < 1u << 16) put_code(p, 'M'), put_little(p, value, 2);
    else if (value < 1u << 31) put_code(p, 'J'), put_little(p, value, 4);
    else put_code(p, (char)0x8a), put_code(p, 9), put_little(p, value, 8), put_code(p, 0);
}

void thx_pickle_real(thx_pickle *p, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_code(p, 'G');
    for (int i = 7; i >= 0; i--) put_code(p, (char)(bits >> 8 * i & 0xff));
}

void thx_pickle_flag(thx_pickle *p, bool value) { put_code(p, (char)(value ? 0x88 : 0x89)); }

void thx_pickle_none(thx_pickle *p) { put_code(p, 'N'); }

void thx_pickle_dict(thx_pickle *p)
{
    put_code(p, '}');
    put_number(p);
    put_code(p, '(');
}

/* An empty OrderedDict. */
static void put_ordered(thx_pickle *p)
{
    put_global(p, "collections\nOrderedDict");
    thx_string_puts(p->out, ")R");
    put_number(p);
}

void thx_pickle_ordered_dict(thx_pickle *p)
{
    put_ordered(p);
    put_code(p, '(');
}

void thx_pickle_dict_close(thx_pickle *p) { put_code(p, 'u'); }

void thx_pickle_list(thx_pickle *p)
{
    put_code(p, ']');
    put_number(p);
    put_code(p, '(');
}

void thx_pickle_list_close(thx_pickle *p) { put_code(p, 'e'); }

void thx_pickle_pair(thx_pickle *p)
{
    put_code(p, (char)0x86);
    put_number(p);
}

void thx_pickle_build(thx_pickle *p) { put_code(p, 'b'); }

/* A tuple of sizes or strides. */
static void put_tuple(thx_pickle *p, const uint64_t *values, uint32_t n)
{
    if (n > 3) put_code(p, '(');
    for (uint32_t i = 0; i < n; i++) thx_pickle_int(p, values[i]);
    put_code(p, n > 3 ? 't' : n ? (char)(0x84 + n) : ')');
    if (n) put_number(p);
}

static const char *storage_of(thx_type type)
{
    switch (type) {
    case THX_F16:  return "torch\nHalfStorage";
    case THX_BF16: return "torch\nBFloat16Storage";
    case THX_I64:  return "torch\nLongStorage";
    default:       return "torch\nFloatStorage";
    }
}

void thx_pickle_tensor(thx_pickle *p, const thx_planned *t)
{
    uint64_t strides[4];
    char     key[16];

    for (uint32_t i = t->rank; i-- > 0;) strides[i] = i + 1 < t->rank ? strides[i + 1] * t->shape[i + 1] : 1;
    snprintf(key, sizeof key, "%" PRIu32, t->place);
    put_global(p, "torch._utils\n_rebuild_tensor_v2");
    thx_string_puts(p->out, "((");
    thx_pickle_word(p, "storage");
    put_global(p, storage_of(t->type));
    thx_pickle_text(p, key);
    thx_pickle_word(p, "cpu");
    thx_pickle_int(p, t->count);
    put_code(p, 't');
    put_number(p);
    put_code(p, 'Q');
    thx_pickle_int(p, 0); /* the first element */
    put_tuple(p, t->shape, t->rank);
    put_tuple(p, strides, t->rank);
    thx_pickle_flag(p, false);
    put_ordered(p);
    put_code(p, 't');
    put_number(p);
    put_code(p, 'R');
    put_number(p);
}

void thx_pickle_shard(thx_string *out, const thx_tensor_plan *plan, uint32_t shard)
{
    thx_pickle p;

    thx_pickle_begin(&p, out);
    thx_pickle_dict(&p);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tensors[i].shard == shard) {
            thx_pickle_text(&p, plan->tensors[i].name);
            thx_pickle_tensor(&p, &plan->tensors[i]);
        }
    thx_pickle_dict_close(&p);
    thx_pickle_end(&p);
}
