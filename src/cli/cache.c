/* thorax cache list, clear: what a cache folder holds. */
#include "base/json.h"
#include "cli/inspect.h"
#include "engine/cache_folder.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *folder_of(const cli_values *v)
{
    return cli_operands(v, 0, false, "no argument") ? cli_need(v, CLI_CACHE) : NULL;
}

static const char *kind_of(const thx_cache_line *l)
{
    if (!l->facts.usable) return "unusable";
    return l->facts.kind == THX_ENTRY_ROWS ? "rows" : "prefix";
}

static json_t *entry_json(const thx_cache_line *l, double age)
{
    json_t *e = json_pack("{s:s, s:s, s:I, s:f}", "name", l->name, "kind", kind_of(l), "bytes", (json_int_t)l->bytes, "age_s", age);

    if (!l->facts.usable) return e;
    json_object_set_new(e, "tokens", json_integer(l->facts.tokens));
    json_object_set_new(e, "film", json_string(l->facts.key.film));
    json_object_set_new(e, "model", json_string(l->facts.key.model));
    return e;
}

static int print_list(const cli_values *v, const thx_cache_listing *all, double now)
{
    json_t  *entries = cli_switch(v, CLI_JSON) ? json_array() : NULL;
    uint64_t bytes = 0;
    char     size[32], age[32];

    if (!entries && all->n) printf("%-8s %10s %8s %8s  %-16s  %s\n", "kind", "size", "used", "tokens", "film", "model");
    for (size_t i = 0; i < all->n; i++) {
        const thx_cache_line *l = &all->lines[i];
        const double seconds = now - ((double)l->used.tv_sec + 1e-9 * (double)l->used.tv_nsec), since = seconds > 0 ? seconds : 0;

        bytes += l->bytes;
        if (entries) json_array_append_new(entries, entry_json(l, since));
        else
            printf("%-8s %10s %8s %8u  %-16.16s  %.16s\n", kind_of(l), cli_size(size, l->bytes), cli_duration(age, since),
                   l->facts.tokens, l->facts.key.film, l->facts.key.model);
    }
    if (entries)
        return cli_print_json(v, json_pack("{s:o, s:I, s:o}", "folder", thx_json_path(cli_text(v, CLI_CACHE)), "bytes", (json_int_t)bytes, "entries", entries));
    printf("%zu %s, %s\n", all->n, all->n == 1 ? "entry" : "entries", cli_size(size, bytes));
    return CLI_OK;
}

int cli_cache_list(const cli_values *v)
{
    const char *folder = folder_of(v);
    thx_cache_listing all;
    struct timespec now;
    thorax_error err;

    if (!folder) return CLI_USAGE;
    if (thx_cache_folder_list(&all, folder, &err)) return cli_fail(v, &err);
    clock_gettime(CLOCK_REALTIME, &now);
    const int code = print_list(v, &all, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    thx_cache_listing_deinit(&all);
    return code;
}

int cli_cache_clear(const cli_values *v)
{
    const char *folder = folder_of(v);
    size_t removed;
    uint64_t bytes;
    thorax_error err;
    char size[32];

    if (!folder) return CLI_USAGE;
    if (thx_cache_folder_clear(folder, &removed, &bytes, &err)) return cli_fail(v, &err);
    if (cli_switch(v, CLI_JSON))
        return cli_print_json(v, json_pack("{s:I, s:I}", "removed", (json_int_t)removed, "bytes", (json_int_t)bytes));
    printf("%zu %s removed, %s\n", removed, removed == 1 ? "entry" : "entries", cli_size(size, bytes));
    return CLI_OK;
}
