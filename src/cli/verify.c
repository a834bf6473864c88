/* thorax verify: what a model folder holds, and whether it can run. Exit code 4 where it cannot. */
#include "base/hash.h"
#include "cli/inspect.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTS_SHOWN = 20 }; /* of each kind, as text; JSON has them all */

static const char *const state_names[] = {
    [THX_TENSOR_USED] = "used",         [THX_TENSOR_MERGED] = "merged",
    [THX_TENSOR_UNUSED] = "unused",
    [THX_TENSOR_UNKNOWN] = "unknown",   [THX_TENSOR_MISSING] = "missing",
    [THX_TENSOR_SHAPE] = "wrong shape", [THX_TENSOR_TYPE] = "wrong type",
    [THX_TENSOR_TWICE] = "twice",
};

typedef struct tally {
    thx_value_count all;
    size_t          types[THX_TYPES];
    size_t          bad_tensors;  /* with an infinity or NaN          */
    const char     *first_bad;
    size_t          sums;         /* tensors with a checksum          */
    size_t          torn;         /* those whose bytes have another   */
    const char     *first_torn;
    bool            read;         /* the values were looked at        */
} tally;

static bool can_run(const thx_account *a)
{
    return !a->count[THX_TENSOR_MISSING] && !a->count[THX_TENSOR_SHAPE] &&
           !a->count[THX_TENSOR_TYPE] && !a->count[THX_TENSOR_TWICE];
}

/* ---- Values ---- */

static void count_types(tally *t, const thx_weights *w)
{
    for (size_t i = 0; i < thx_weights_count(w); i++)
        if (thx_weights_at(w, i)->type < THX_TYPES) t->types[thx_weights_at(w, i)->type]++;
}

/* Compares a tensor's bytes with their checksum, where the file has one. */
static void check_sum(tally *t, const thx_weights *w, size_t i)
{
    const char *want = thx_weights_sha256(w, i);
    const thx_view *view = thx_weights_at(w, i);
    char hex[65];

    if (!want) return;
    t->sums++;
    thx_sha256_of(view->data, thx_view_bytes(view), hex);
    if (strcmp(hex, want) && !t->torn++) t->first_torn = view->name;
}

static void count_view(tally *t, const thx_view *view)
{
    const thx_value_count c = thx_view_count_values(view);

    t->all.inf += c.inf;
    t->all.nan += c.nan;
    t->all.not_bf16 += c.not_bf16;
    if ((c.inf || c.nan) && !t->bad_tensors++) t->first_bad = view->name;
}

/* Reads every value that is used, and what has a checksum; false when Ctrl-C was pressed. What a checkpoint holds besides (the
 * state of an optimizer) is not touched. */
static bool count_values(tally *t, const thx_weights *w, const thx_account *a, cli_progress *p)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!cli_progress_step(p, "values", i, a->n)) return false;
        if (a->lines[i].state == THX_TENSOR_USED || a->lines[i].state == THX_TENSOR_MERGED) count_view(t, a->lines[i].view);
    }
    for (size_t i = 0; i < thx_weights_count(w); i++) {
        if (!cli_progress_step(p, "checksums", i, thx_weights_count(w))) return false;
        check_sum(t, w, i);
    }
    t->read = true;
    return true;
}

/* ---- As text ---- */

static void print_shape(const uint64_t *shape, uint32_t rank)
{
    putchar('[');
    for (uint32_t i = 0; i < rank; i++)
        printf("%s%llu", i ? ", " : "", (unsigned long long)shape[i]);
    putchar(']');
}

static void print_fault(const thx_account_line *l)
{
    printf("  %s: %s", state_names[l->state], l->name);
    if (l->want_rank) printf(", expected "), print_shape(l->want, l->want_rank);
    if (l->view)
        printf(", found %s ", thx_type_name(l->view->type)),
            print_shape(l->view->shape, l->view->rank);
    putchar('\n');
}

static void print_faults(const thx_account *a)
{
    for (int state = THX_TENSOR_UNKNOWN; state <= THX_TENSOR_TWICE; state++) {
        size_t shown = 0;
        for (size_t i = 0; i < a->n && shown < FAULTS_SHOWN; i++)
            if ((int)a->lines[i].state == state) print_fault(&a->lines[i]), shown++;
        if (a->count[state] > shown)
            printf("  %s: %zu more\n", state_names[state], a->count[state] - shown);
    }
}

/* A line for each pair: both of its tensors have the norm. */
static void print_adapter(const thx_account *a)
{
    double least = 0.0, most = 0.0;
    size_t pairs = 0;

    for (size_t i = 0; i < a->n; i++) {
        const thx_account_line *l = &a->lines[i];
        if (l->state != THX_TENSOR_MERGED || !strstr(l->name, "lora_A")) continue;
        least = pairs && least < l->norm ? least : l->norm;
        most = most > l->norm ? most : l->norm;
        pairs++;
    }
    if (pairs) printf("adapter     %zu pairs, norms of what they add from %.4g to %.4g (--json: of each)\n", pairs, least, most);
}

static void print_values(const tally *t)
{
    for (int i = 0; i < THX_TYPES; i++)
        if (t->types[i]) printf("type        %zu x %s\n", t->types[i], thx_type_name((thx_type)i));
    if (!t->read) return;
    printf("values      %llu infinite, %llu NaN, %llu f16 values that bf16 cannot hold\n",
           (unsigned long long)t->all.inf, (unsigned long long)t->all.nan,
           (unsigned long long)t->all.not_bf16);
    if (t->first_bad)
        printf("  %zu tensors with infinities or NaN, the first is %s\n", t->bad_tensors,
               t->first_bad);
    if (t->sums) printf("checksums   %zu right, %zu wrong\n", t->sums - t->torn, t->torn);
    if (t->first_torn) printf("  the first is %s\n", t->first_torn);
}

static void print_account(const cli_values *v, const thx_model *m, const thx_account *a,
                          const tally *t)
{
    char size[32];

    printf("model       %s\nfamily      %s\n", v->operands[0], m->family->name);
    if (m->remark) printf("remark      %s\n", m->remark);
    printf("tensors     %zu in %s:", thx_weights_count(m->weights),
           cli_size(size, thx_weights_bytes(m->weights)));
    for (int s = THX_TENSOR_USED; s <= THX_TENSOR_TWICE; s++)
        if (s != THX_TENSOR_MERGED || a->count[s]) printf("%s %zu %s", s ? "," : "", a->count[s], state_names[s]);
    putchar('\n');
    print_adapter(a);
    print_faults(a);
    print_values(t);
    if (m->tokenizer) printf("tokenizer   %zu ids\n", thx_tokenizer_size(m->tokenizer));
    if (m->chat) printf("template    %s\n", thx_template_name(m->chat));
    if (m->recipe.kind == THX_RECIPE_NONE) printf("recipe      none: takes no films\n");
    else if (m->recipe.kind == THX_RECIPE_CROP)
        printf("recipe      one tile of %u pixels, the middle of the film, patches of %u\n", m->recipe.tile_px,
               m->recipe.patch_px);
    else
        printf("recipe      tiles of %u pixels, patches of %u, %u resolutions, at most %u tiles' worth "
               "of rows\n",
               m->recipe.tile_px, m->recipe.patch_px, m->recipe.n_pinpoints, m->recipe.max_patches);
    printf("verdict     %s\n", can_run(a) ? "can run" : "cannot run");
}

/* ---- As JSON ---- */

static json_t *shape_json(const uint64_t *shape, uint32_t rank)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < rank; i++)
        json_array_append_new(list, json_integer((json_int_t)shape[i]));
    return list;
}

static json_t *fault_json(const thx_account_line *l)
{
    json_t *json = json_pack("{s:s, s:o}", "state", state_names[l->state], "name",
                             cli_json_text(l->name, strlen(l->name)));

    if (l->want_rank) json_object_set_new(json, "expected", shape_json(l->want, l->want_rank));
    if (l->view) {
        json_object_set_new(json, "dtype", json_string(thx_type_name(l->view->type)));
        json_object_set_new(json, "shape", shape_json(l->view->shape, l->view->rank));
    }
    return json;
}

/* {name of lora_A: norm of what the pair adds} */
static json_t *adapter_json(const thx_account *a)
{
    json_t *json = json_object();

    for (size_t i = 0; i < a->n; i++)
        if (a->lines[i].state == THX_TENSOR_MERGED && strstr(a->lines[i].name, "lora_A"))
            json_object_set_new(json, a->lines[i].name, json_real(a->lines[i].norm));
    return json;
}

static json_t *account_json(const thx_model *m, const thx_account *a, const tally *t)
{
    json_t *count = json_object(), *faults = json_array(), *types = json_object();

    for (int s = THX_TENSOR_USED; s <= THX_TENSOR_TWICE; s++)
        json_object_set_new(count, state_names[s], json_integer((json_int_t)a->count[s]));
    for (size_t i = 0; i < a->n; i++)
        if (a->lines[i].state >= THX_TENSOR_UNKNOWN)
            json_array_append_new(faults, fault_json(&a->lines[i]));
    for (int i = 0; i < THX_TYPES; i++)
        if (t->types[i])
            json_object_set_new(types, thx_type_name((thx_type)i),
                                json_integer((json_int_t)t->types[i]));
    json_t *json =
        json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:b}", "family", m->family->name, "identity",
                  m->identity, "tensors", (json_int_t)thx_weights_count(m->weights), "bytes",
                  (json_int_t)thx_weights_bytes(m->weights), "account", count, "faults", faults,
                  "types", types, "runs", can_run(a));
    json_object_set_new(json, "values",
                        !t->read ? json_null()
                                 : json_pack("{s:I, s:I, s:I}", "inf", (json_int_t)t->all.inf,
                                             "nan", (json_int_t)t->all.nan, "not_bf16",
                                             (json_int_t)t->all.not_bf16));
    if (a->count[THX_TENSOR_MERGED]) json_object_set_new(json, "adapter", adapter_json(a));
    if (t->sums)
        json_object_set_new(json, "checksums", json_pack("{s:I, s:I}", "right", (json_int_t)(t->sums - t->torn),
                                                         "wrong", (json_int_t)t->torn));
    if (m->tokenizer)
        json_object_set_new(json, "tokenizer_ids",
                            json_integer((json_int_t)thx_tokenizer_size(m->tokenizer)));
    if (m->chat) json_object_set_new(json, "template", json_string(thx_template_name(m->chat)));
    if (m->remark) json_object_set_new(json, "remark", cli_json_text(m->remark, strlen(m->remark)));
    json_object_set_new(json, "recipe", m->recipe.kind == THX_RECIPE_NONE ? json_null() :
                        json_pack("{s:I, s:I, s:I, s:I}", "tile_px", (json_int_t)m->recipe.tile_px,
                                  "patch_px", (json_int_t)m->recipe.patch_px, "resolutions",
                                  (json_int_t)m->recipe.n_pinpoints, "max_patches",
                                  (json_int_t)m->recipe.max_patches));
    return json;
}

static int report(const cli_values *v, const thx_model *m, const thx_account *a)
{
    tally t = { 0 };
    cli_progress p;

    cli_progress_init(&p, cli_switch(v, CLI_QUIET));
    count_types(&t, m->weights);
    const bool whole = cli_switch(v, CLI_FAST) || count_values(&t, m->weights, a, &p);
    cli_progress_clear(&p);
    if (!whole) return cli_fail_text(v, CLI_INTERRUPTED, "interrupted");
    int code = CLI_OK;
    if (cli_switch(v, CLI_JSON)) code = cli_print_json(v, account_json(m, a, &t));
    else print_account(v, m, a, &t);
    if (!code && !can_run(a))
        code = cli_fail_text(
            v, CLI_MODEL_INVALID,
            "%s: cannot run: %zu tensors missing, %zu of wrong shape, %zu of wrong type, %zu twice",
            v->operands[0], a->count[THX_TENSOR_MISSING], a->count[THX_TENSOR_SHAPE],
            a->count[THX_TENSOR_TYPE], a->count[THX_TENSOR_TWICE]);
    if (!code && t.torn)
        code = cli_fail_text(v, CLI_MODEL_INVALID, "%s: %zu of %zu checksums are wrong, the first of %s",
                             v->operands[0], t.torn, t.sums, t.first_torn);
    return code;
}

int cli_verify(const cli_values *v)
{
    thx_account account = { 0 };
    thx_model *m = NULL;
    thorax_error err;

    if (!cli_operands(v, 1, false, "a model folder")) return CLI_USAGE;
    const thx_model_options options = { .base = cli_text(v, CLI_BASE) };
    const thorax_status st = thx_model_verify(&account, &m, v->operands[0], &options, &err);
    if (st && st != THORAX_NOMEM) err.status = THORAX_MODEL;
    const int code = st ? cli_fail(v, &err) : report(v, m, &account);
    thx_account_deinit(&account);
    thx_model_close(m);
    return code;
}
