/* Folders of language models alone: what is opened, what is refused. Their numbers are in the golden sets, which lie
 * beside the checkout; each test works on a copy of a small one with another config. */
#include "check.h"
#include "base/json.h"
#include "engine/engine.h"

static char folder[] = "/tmp/thorax-text-only-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    char command[80];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* The folder becomes that of a golden set: its files by links, but for a config of our own. */
static json_t *use(const char *set)
{
    char         command[1400], name[64];
    thorax_error err;
    json_t      *config;

    snprintf(name, sizeof name, "golden/%s/model", set);
    const char *from = shared_path(name);
    snprintf(command, sizeof command, "rm -f %s/*; ln -s %s/* %s/; rm %s/config.json", folder, from, folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "%s/config.json", from);
    assert_ok(thx_json_read(&config, command, 1 << 20, &err), err);
    return config;
}

static void put(const char *name, const json_t *file)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    assert_int_equal(json_dump_file(file, path, 0), 0);
}

static thorax_status open_engine(thx_engine **e, thorax_error *err)
{
    const thx_engine_options o = { .precision = THX_EXACT, .cpu_level = -1, .threads = 1 };

    return thx_engine_open(e, folder, &o, err);
}

static void opens_as(json_t *config, const char *family)
{
    thx_engine  *e;
    thorax_error err;

    put("config.json", config);
    assert_ok(open_engine(&e, &err), err);
    assert_string_equal(thx_engine_model(e)->family->name, family);
    thx_engine_close(e);
}

static void refuses(json_t *config, const char *why)
{
    thx_engine  *e;
    thorax_error err;

    put("config.json", config);
    assert_int_equal(open_engine(&e, &err), THORAX_MODEL);
    if (!strstr(err.text, why)) fail_msg("\"%s\", expected \"%s\" in it", err.text, why);
}

static void classes_are_told_apart(void **state)
{
    json_t *config = use("judge-llama"), *classes = json_object_get(config, "architectures");

    (void)state;
    opens_as(config, "llama");
    json_array_set_new(classes, 0, json_string("MistralForCausalLM"));
    opens_as(config, "mistral");
    json_object_del(config, "architectures");
    opens_as(config, "llama");
    json_object_set_new(config, "attention_bias", json_true());
    refuses(config, "q_proj.bias");
    json_object_set_new(config, "attention_bias", json_false());
    json_object_set_new(config, "num_key_value_heads", json_integer(2));
    refuses(config, "k_proj.weight");
    json_object_set_new(config, "model_type", json_string("bloom"));
    refuses(config, "of no family known here");
    json_decref(config);
}

static void phi_is_checked(void **state)
{
    json_t *config = use("judge-phi");

    (void)state;
    opens_as(config, "phi");
    json_object_set_new(config, "qk_layernorm", json_true());
    refuses(config, "qk_layernorm");
    json_object_set_new(config, "qk_layernorm", json_false());
    json_object_set_new(config, "partial_rotary_factor", json_real(0.05));
    refuses(config, "cannot be turned in pairs");
    json_object_set_new(config, "partial_rotary_factor", json_real(0.35)); /* 7 of 20 */
    refuses(config, "cannot be turned in pairs");
    json_decref(config);
}

/* A conversation needs a template that is known; opening the folder does not. */
static void templates_may_be_unknown(void **state)
{
    const thx_message message = { "user", "hello" };
    json_t           *config = use("judge-llama"), *tokenizer;
    char              path[200];
    thx_engine       *e;
    thx_session      *s;
    size_t            T, V;
    thorax_error      err;

    (void)state;
    put("config.json", config);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
    tokenizer = json_load_file(path, 0, NULL);
    json_object_set_new(tokenizer, "chat_template", json_string("{{ bos_token }}{% set x = 1 %}"));
    put("tokenizer_config.json", tokenizer);
    assert_ok(open_engine(&e, &err), err);
    assert_ok(thx_session_open(&s, e, NULL, &err), err);
    assert_int_equal(thx_session_logits(s, &message, 1, false, NULL, &T, &V, NULL, NULL, NULL, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "chat template is not known"));
    thx_session_close(s);
    thx_engine_close(e);
    json_decref(tokenizer);
    json_decref(config);
}

static void films_are_refused(void **state)
{
    unsigned char     sample = 0;
    const thx_picture picture = { .data = &sample, .width = 1, .height = 1, .channels = 1 };
    json_t           *config = use("judge-phi");
    thx_engine       *e;
    thx_session      *s;
    thx_plan          plan;
    thorax_error      err;

    (void)state;
    put("config.json", config);
    assert_ok(open_engine(&e, &err), err);
    assert_int_equal(thx_session_open(&s, e, &picture, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "takes no films"));
    assert_int_equal(thx_engine_plan(&plan, e, 10, 10, 1, 1, &err), THORAX_MODEL);
    assert_ok(thx_engine_plan(&plan, e, 0, 0, 10, 10, &err), err);
    assert_int_equal(plan.tokens, 20);
    thx_engine_close(e);
    json_decref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(classes_are_told_apart), cmocka_unit_test(phi_is_checked),
                                        cmocka_unit_test(templates_may_be_unknown),
                                        cmocka_unit_test(films_are_refused) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
