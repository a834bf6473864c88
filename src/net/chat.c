/* The chat client: its options, whom it may ask, and how a question is written; see chat.h. */
#include "net/chat_internal.h"
#include "base/hash.h"
#include "net/answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { MODEL_BYTES = 79, REASON_BYTES = 255 };

const char *thx_chat_state_text(thx_chat_state state)
{
    static const char *const texts[] = {
#define THX_CHAT_TEXT(name, text) text,
        THX_CHAT_LIST(THX_CHAT_TEXT)
#undef THX_CHAT_TEXT
    };
    return texts[state];
}

thx_chat_options thx_chat_options_default(void)
{
    const thx_http_options h = thx_http_options_default();

    return (thx_chat_options){
        .temperature = 0, .top_p = -1, .max_tokens = 512, .seed = -1,
        .in_flight = 4, .connect_s = h.connect_s, .idle_s = h.idle_s, .total_s = h.total_s, .max_bytes = h.max_bytes,
        .tries = 6, .tries_s = 900, .wait_s = 1, .wait_max_s = 60, .give_up = 8,
    };
}

void thx_chat_replies_deinit(thx_chat_reply *replies, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(replies[i].text);
        replies[i].text = NULL;
    }
}

const thx_url   *thx_chat_url(const thx_chat *c) { return &c->url; }
thx_chat_account thx_chat_get_account(const thx_chat *c) { return c->account; }

/* ---- Options ---- */

static bool positive(double x) { return x > 0 && x <= 1e6; }

static const char *wrong_option(const thx_chat_options *o)
{
    if (!o->url || !*o->url) return "no address of a service";
    if (!o->model || !*o->model) return "no name of the service's model";
    for (const char *c = o->model; *c; c++)
        if (*c < ' ' || *c > '~' || c - o->model == MODEL_BYTES)
            return "the service's model: expected a name of at most 79 plain characters";
    if (!(o->temperature <= 2)) return "temperature: expected 0 to 2, or less than 0 for none";
    if (!(o->top_p <= 1)) return "top_p: expected 0 to 1, or less than 0 for none";
    if (o->in_flight < 1 || o->in_flight > 256) return "requests at a time: expected 1 to 256";
    if (!positive(o->connect_s) || !positive(o->idle_s) || !positive(o->total_s))
        return "time limits: expected more than 0 s";
    if (o->max_bytes < 1024 || o->max_bytes > (size_t)1 << 30) return "size of an answer: expected 1 KiB to 1 GiB";
    if (o->tries < 1 || o->tries > 1000 || !positive(o->tries_s))
        return "tries: expected 1 to 1000, within more than 0 s";
    if (!(o->wait_s >= 0 && o->wait_max_s >= o->wait_s && o->wait_max_s <= 1e6))
        return "waits: expected 0 s and more, the first at most the longest";
    if (!(o->price_prompt >= 0 && o->price_completion >= 0 && o->max_cost >= 0))
        return "prices and the limit of cost: expected 0 and more";
    if (o->max_cost > 0 && !(o->price_prompt + o->price_completion > 0))
        return "a limit of cost needs the prices of a million tokens";
    if (o->max_cost > 0 && !o->max_tokens) return "a limit of cost needs a limit of tokens";
    return NULL;
}

/* A sentence that can go with results. */
static bool is_reason(const char *text)
{
    json_t    *json = text ? json_string(text) : NULL; /* NULL where it is not UTF-8 */
    const bool good = json && strlen(text) <= REASON_BYTES && text[strspn(text, " \t\r\n")];

    json_decref(json);
    return good;
}

/* Texts about patients leave the house only when somebody said so, and why. */
static thorax_status check_policy(const thx_chat_options *o, const thx_url *url, thorax_error *err)
{
    if (url->reach == THX_REACH_PUBLIC && (!o->allow_cloud || !is_reason(o->cloud_reason)))
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s is a public address: reports are sent there only where that is allowed, with a reason in "
                        "writing (at most %d bytes) that goes with the result", url->host, REASON_BYTES);
    if (url->reach != THX_REACH_LOOPBACK && !url->secure && !o->allow_http)
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s would be asked without encryption: expected https, or that http is allowed", url->host);
    return THORAX_OK;
}

/* ---- The address and the key ---- */

static bool ends_in(const char *text, size_t n, const char *end)
{
    const size_t e = strlen(end);

    return n >= e && !memcmp(text + n - e, end, e);
}

/* The base with what is missing to the whole address, before a query. */
static char *whole_address(const char *url)
{
    static const char ending[] = "/chat/completions";
    size_t            n = strcspn(url, "?#");
    const char       *query = url[n] == '?' ? url + n : "";
    thx_string        s = { 0 };

    while (n && url[n - 1] == '/') n--;
    thx_string_add(&s, url, n);
    if (!ends_in(url, n, ending)) {
        if (!ends_in(url, n, "/v1")) thx_string_puts(&s, "/v1");
        thx_string_puts(&s, ending);
    }
    thx_string_add(&s, query, strcspn(query, "#"));
    return thx_string_take(&s);
}

static thorax_status read_key(thx_chat *c, thorax_error *err)
{
    const thx_chat_options *o = &c->options;
    const char             *key = o->key_env ? getenv(o->key_env) : NULL;
    thx_string              s = { 0 };

    if (!o->key_env) return THORAX_OK;
    if (!key || !*key)
        return thx_fail(err, THORAX_USAGE, 0, "the environment variable %s, which should hold the key, is not set",
                        o->key_env);
    for (const char *k = key; *k; k++)
        if (*k <= ' ' || *k == 0x7f)
            return thx_fail(err, THORAX_USAGE, 0, "the environment variable %s holds characters that a key cannot have",
                            o->key_env);
    if (o->key_header) thx_string_printf(&s, "%s: %s", o->key_header, key);
    else thx_string_printf(&s, "Authorization: Bearer %s", key);
    c->header = thx_string_take(&s);
    return c->header ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");
}

static thorax_status open_http(thx_chat *c, thorax_error *err)
{
    const thx_chat_options *o = &c->options;
    const thx_http_options  h = { .connect_s = o->connect_s, .idle_s = o->idle_s, .total_s = o->total_s,
                                  .max_bytes = o->max_bytes, .ca_file = o->ca_file,
                                  .local_only = c->url.reach != THX_REACH_PUBLIC };

    return thx_http_open(&c->http, &h, err);
}

thorax_status thx_chat_open(thx_chat **out, const thx_chat_options *options, thorax_error *err)
{
    const char   *wrong = wrong_option(options);
    thx_chat     *c = calloc(1, sizeof *c);
    thorax_status st = THORAX_OK;

    *out = NULL;
    if (c) c->options = *options;
    if (wrong) st = thx_fail(err, THORAX_USAGE, 0, "%s", wrong);
    else if (!c || !(c->address = whole_address(options->url))) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (!st) st = thx_url_read(&c->url, c->address, err);
    if (!st) st = check_policy(options, &c->url, err);
    if (!st) st = read_key(c, err);
    if (!st && options->answers) st = thx_answers_make(options->answers, err);
    if (!st) st = open_http(c, err);
    if (st) {
        thx_chat_close(c);
        return st;
    }
    const uint64_t seed = options->wait_seed;
    c->dice[0] = (unsigned short)seed;
    c->dice[1] = (unsigned short)(seed >> 16);
    c->dice[2] = (unsigned short)(seed >> 32 ^ seed >> 48);
    *out = c;
    return THORAX_OK;
}

void thx_chat_close(thx_chat *c)
{
    if (!c) return;
    thx_http_close(c->http);
    if (c->header) explicit_bzero(c->header, strlen(c->header));
    if (c->address) explicit_bzero(c->address, strlen(c->address));
    free(c->header);
    free(c->address);
    free(c);
}

/* ---- A question's request ---- */

static json_t *write_messages(const thx_chat_question *q, bool *utf8)
{
    json_t *list = json_array();

    for (size_t i = 0; list && *utf8 && i < q->n; i++) {
        json_t *role = json_string(q->messages[i].role), *content = json_string(q->messages[i].content);
        *utf8 = role && content; /* or memory ran out, which ends the same way */
        if (*utf8) json_array_append_new(list, json_pack("{s:o, s:o}", "role", role, "content", content));
        else {
            json_decref(role);
            json_decref(content);
        }
    }
    return list;
}

static void write_settings(json_t *body, const thx_chat_options *o)
{
    json_object_set_new(body, "model", json_string(o->model));
    if (o->temperature >= 0) json_object_set_new(body, "temperature", json_real(o->temperature));
    if (o->top_p >= 0) json_object_set_new(body, "top_p", json_real(o->top_p));
    if (o->seed >= 0) json_object_set_new(body, "seed", json_integer(o->seed));
    const char *limit = o->max_completion ? "max_completion_tokens" : "max_tokens";
    if (o->max_tokens) json_object_set_new(body, limit, json_integer(o->max_tokens));
}

thorax_status thx_chat_body(char **out, const thx_chat *c, const thx_chat_question *q, thorax_error *err)
{
    json_t *body = json_object();
    bool    utf8 = true;

    *out = NULL;
    json_t *messages = body ? write_messages(q, &utf8) : NULL;
    if (messages && utf8) {
        write_settings(body, &c->options);
        json_object_set(body, "messages", messages);
        *out = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    }
    json_decref(messages);
    json_decref(body);
    if (!utf8) return thx_fail(err, THORAX_USAGE, 0, "a message is not UTF-8");
    return *out ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");
}

void thx_chat_body_key(char hex[65], const thx_chat *c, const char *body)
{
    thx_sha256 h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, "answer 1\n", 9);
    thx_sha256_add(&h, c->url.shown, strlen(c->url.shown) + 1);
    thx_sha256_add(&h, body, strlen(body));
    thx_sha256_end(&h, hex);
}

thorax_status thx_chat_key(char hex[65], const thx_chat *c, const thx_chat_question *q, thorax_error *err)
{
    char               *body;
    const thorax_status st = thx_chat_body(&body, c, q, err);

    if (!st) thx_chat_body_key(hex, c, body);
    free(body);
    return st;
}
