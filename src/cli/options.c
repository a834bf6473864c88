/* The option table and its parser; see options.h. GNU long options by getopt_long. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_option table[CLI_OPTIONS] = {
#define CLI_OPTION_ROW(id, name, letter, argument, kind, choices, low, high, env, help) \
    [CLI_##id] = { name, letter, argument, kind, choices, low, high, env, help },
    CLI_OPTION_LIST(CLI_OPTION_ROW)
#undef CLI_OPTION_ROW
};

const cli_option *cli_option_at(cli_option_id id) { return &table[id]; }

void cli_option_env(char out[64], cli_option_id id)
{
    out[0] = 0;
    if (!table[id].env) return;
    snprintf(out, 64, "THORAX_%s", table[id].name);
    for (char *c = out; *c; c++)
        if (*c == '-') *c = '_';
        else if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
}

/* ---- Values of one kind ---- */

/* Digits only; no sign, no blank, no overflow. */
static bool parse_count(uint64_t *out, const char *text)
{
    char *end;

    if (*text < '0' || *text > '9') return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return !*end && !errno;
}

static bool parse_real(double *out, const char *text)
{
    char *end;

    if (!strchr("0123456789.-+", *text) || !*text) return false;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}

bool cli_parse_bytes(uint64_t *out, const char *text)
{
    static const char suffixes[] = "KMGT";
    char *end;

    if (*text < '0' || *text > '9') return false;
    const double x = strtod(text, &end);
    const char *suffix = *end ? strchr(suffixes, *end & ~0x20) : NULL;
    double unit = 1;
    if (*end) {
        if (!suffix || !*suffix) return false;
        unit = ldexp(1, 10 * (int)(suffix - suffixes + 1));
        end++;
        if (*end == 'i') end++;
        if (*end == 'B' || *end == 'b') end++;
    }
    if (*end || !(x * unit < 9.2e18)) return false;
    *out = (uint64_t)(x * unit);
    return true;
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t n = strlen(text);

    for (const char *c = choices; n && (c = strstr(c, text)); c++)
        if ((c == choices || c[-1] == ' ') && (c[n] == ' ' || !c[n])) return true;
    return false;
}

/* `where` says whose value it is: "--top-k" or "THORAX_TOP_K". */
static thorax_status check_value(const cli_option *o, const char *where, const char *text,
                                 thorax_error *err)
{
    uint64_t n = 0;
    double x = 0;

    switch (o->kind) {
    case CLI_SWITCH:
    case CLI_TEXT:
        return THORAX_OK;
    case CLI_CHOICE:
        if (is_choice(o->choices, text)) return THORAX_OK;
        return thx_fail(err, THORAX_USAGE, 0, "%s: \"%.60s\" is none of: %s", where, text,
                        o->choices);
    case CLI_COUNT:
        if (parse_count(&n, text) && (double)n >= o->low && (double)n <= o->high) return THORAX_OK;
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: expected an integer from %.0f to %.0f, found \"%.60s\"", where, o->low,
                        o->high, text);
    case CLI_REAL:
        if (parse_real(&x, text) && x >= o->low && x <= o->high) return THORAX_OK;
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: expected a number from %g to %g, found \"%.60s\"", where, o->low,
                        o->high, text);
    case CLI_BYTES:
        if (cli_parse_bytes(&n, text)) return THORAX_OK;
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: expected bytes such as 800M or 4G, found \"%.60s\"", where, text);
    }
    return THORAX_OK;
}

/* ---- The command line ---- */

typedef struct parser {
    struct option long_options[CLI_OPTIONS];
    char          letters[2 * CLI_OPTIONS + 2];
} parser;

/* What getopt_long wants to know; a long option returns 256 + its id. ":" first: a missing value is
 * told apart. */
static void parser_init(parser *p, const unsigned char *options)
{
    size_t n = 0, at = 0;

    p->letters[at++] = ':';
    for (; *options; options++, n++) {
        const cli_option *o = &table[*options];
        p->long_options[n] =
            (struct option){ o->name, o->argument ? required_argument : no_argument, NULL,
                             256 + *options };
        if (!o->letter) continue;
        p->letters[at++] = o->letter;
        if (o->argument) p->letters[at++] = ':';
    }
    p->long_options[n] = (struct option){ 0 };
    p->letters[at] = 0;
}

static cli_option_id id_of_letter(const unsigned char *options, int letter)
{
    for (; *options; options++)
        if (table[*options].letter == letter) return (cli_option_id)*options;
    return CLI_END;
}

static thorax_status bad_option(int c, char **argv, const char *command, thorax_error *err)
{
    const char *word = argv[optind - 1] ? argv[optind - 1] : "";
    char letter[3] = { '-', (char)optopt, 0 };

    if (optopt > 0 && optopt < 256) word = letter;
    if (optopt >= 256) {
        const cli_option *o = &table[optopt - 256];
        if (c == ':')
            return thx_fail(err, THORAX_USAGE, 0, "--%s needs a value: %s", o->name, o->argument);
        return thx_fail(err, THORAX_USAGE, 0, "--%s takes no value", o->name);
    }
    if (c == ':') return thx_fail(err, THORAX_USAGE, 0, "%.60s needs a value", word);
    return thx_fail(err, THORAX_USAGE, 0, "unknown option %.60s (thorax %s --help lists them)",
                    word, command);
}

static thorax_status parse_line(cli_values *out, int argc, char **argv, thorax_error *err)
{
    parser p;
    int c;

    parser_init(&p, out->options);
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, p.letters, p.long_options, NULL)) != -1) {
        char where[64];
        if (c == '?' || c == ':') return bad_option(c, argv, out->command, err);
        const cli_option_id id =
            c >= 256 ? (cli_option_id)(c - 256) : id_of_letter(out->options, c);
        snprintf(where, sizeof where, "--%s", table[id].name);
        out->given[out->n_given++] = (cli_given){ id, table[id].argument ? optarg : "1" };
        const thorax_status st =
            check_value(&table[id], where, out->given[out->n_given - 1].text, err);
        if (st) return st;
    }
    out->operands = argv + optind;
    out->n_operands = (size_t)(argc - optind);
    return THORAX_OK;
}

/* What the environment holds for the command's options is checked even where it is overruled. */
static thorax_status check_environment(const unsigned char *options, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (; *options && !st; options++) {
        char name[64];
        cli_option_env(name, (cli_option_id)*options);
        const char *text = *name ? getenv(name) : NULL;
        if (text && *text) st = check_value(&table[*options], name, text, err);
    }
    return st;
}

thorax_status cli_values_parse(cli_values *out, const char *command, const unsigned char *options,
                               int argc, char **argv, thorax_error *err)
{
    *out = (cli_values){ .command = command, .options = options };
    size_t most = 1;
    for (int i = 0; i < argc; i++) most += strlen(argv[i]); /* letters may share a word: "-qh" */
    out->given = calloc(most, sizeof *out->given);
    if (!out->given) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %d arguments", argc);
    thorax_status st = parse_line(out, argc, argv, err);
    if (!st && !cli_switch(out, CLI_HELP)) st = check_environment(options, err);
    return st;
}

void cli_values_deinit(cli_values *v)
{
    free(v->given);
    *v = (cli_values){ 0 };
}

/* ---- Asking for values ---- */

static bool has_option(const cli_values *v, cli_option_id id)
{
    return strchr((const char *)v->options, (int)id) != NULL;
}

const char *cli_text(const cli_values *v, cli_option_id id)
{
    char name[64];

    for (size_t i = v->n_given; i-- > 0;)
        if (v->given[i].id == id) return v->given[i].text;
    if (!has_option(v, id)) return NULL;
    cli_option_env(name, id);
    const char *text = *name ? getenv(name) : NULL;
    return text && *text ? text : NULL;
}

bool cli_switch(const cli_values *v, cli_option_id id)
{
    const char *text = cli_text(v, id);
    return text && strcmp(text, "0");
}

uint64_t cli_count(const cli_values *v, cli_option_id id, uint64_t fallback)
{
    const char *text = cli_text(v, id);
    uint64_t n = fallback;

    if (!text) return fallback;
    if (table[id].kind == CLI_BYTES) cli_parse_bytes(&n, text);
    else parse_count(&n, text);
    return n;
}

double cli_real(const cli_values *v, cli_option_id id, double fallback)
{
    const char *text = cli_text(v, id);
    double x = fallback;

    if (text) parse_real(&x, text);
    return x;
}

const char *cli_next(const cli_values *v, cli_option_id id, size_t *at)
{
    while (*at < v->n_given)
        if (v->given[(*at)++].id == id) return v->given[*at - 1].text;
    return NULL;
}
