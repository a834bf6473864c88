/* What entries of the caches are keyed by: everything that changes a bit of an image row or of a prompt's keys and values.
 *
 * The program's own code is part of it where entries outlive the process: a kernel that rounds differently
 * is another key, whoever built it and whatever its version says. So are the mathematical libraries it
 * found. The model's files count by size and time, since nobody reads 16 GB at a start. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "engine/engine_internal.h"
#include "base/hash.h"

#include <link.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_VERSION = 1 }; /* of the list of what goes in */

static void add_number(thx_sha256 *h, uint64_t n) { thx_sha256_add(h, &n, sizeof n); }

static void add_text(thx_sha256 *h, const char *text) { thx_sha256_add(h, text, strlen(text) + 1); }

/* ---- The program ---- */

typedef struct code { thx_sha256 *h; uintptr_t here; } code;

static const void *segment(const struct dl_phdr_info *o, size_t i) { return (const void *)(o->dlpi_addr + o->dlpi_phdr[i].p_vaddr); }

static bool holds(const struct dl_phdr_info *o, uintptr_t address)
{
    for (size_t i = 0; i < o->dlpi_phnum; i++)
        if (o->dlpi_phdr[i].p_type == PT_LOAD && address - (uintptr_t)segment(o, i) < o->dlpi_phdr[i].p_memsz) return true;
    return false;
}

/* Code and constants, which no loader changes. */
static void add_code(thx_sha256 *h, const struct dl_phdr_info *o)
{
    for (size_t i = 0; i < o->dlpi_phnum; i++)
        if (o->dlpi_phdr[i].p_type == PT_LOAD && (o->dlpi_phdr[i].p_flags & (PF_R | PF_W)) == PF_R)
            thx_sha256_add(h, segment(o, i), o->dlpi_phdr[i].p_memsz);
}

/* The linker's notes: the build's identity. */
static void add_notes(thx_sha256 *h, const struct dl_phdr_info *o)
{
    for (size_t i = 0; i < o->dlpi_phnum; i++)
        if (o->dlpi_phdr[i].p_type == PT_NOTE) thx_sha256_add(h, segment(o, i), o->dlpi_phdr[i].p_memsz);
}

static int add_object(struct dl_phdr_info *o, size_t size, void *data)
{
    const code *c = data;
    const char *slash = strrchr(o->dlpi_name, '/'), *name = slash ? slash + 1 : o->dlpi_name;

    (void)size;
    if (holds(o, c->here)) add_code(c->h, o);
    else if (!strncmp(name, "libm.", 5)) add_notes(c->h, o);
    return 0;
}

/* ---- The model and how it is run ---- */

static void add_files(thx_sha256 *h, const thx_weights *w)
{
    const char *last = NULL;

    for (size_t i = 0; i < thx_weights_count(w); i++) {
        const char *file = thx_weights_file(w, i);
        struct stat s;

        if (last && !strcmp(last, file)) continue;
        last = file;
        if (stat(file, &s)) continue;
        add_number(h, (uint64_t)s.st_size);
        add_number(h, (uint64_t)s.st_mtim.tv_sec);
        add_number(h, (uint64_t)s.st_mtim.tv_nsec);
    }
}

static void add_recipe(thx_sha256 *h, const thx_recipe *r)
{
    add_number(h, r->kind);
    add_number(h, r->tile_px);
    add_number(h, r->patch_px);
    add_number(h, r->n_pinpoints);
    thx_sha256_add(h, r->pinpoints, r->n_pinpoints * sizeof r->pinpoints[0]);
    add_number(h, r->max_patches);
    thx_sha256_add(h, r->mean, sizeof r->mean);
    thx_sha256_add(h, r->std, sizeof r->std);
    thx_sha256_add(h, &r->rescale, sizeof r->rescale);
    add_number(h, r->compat);
}

void thx_engine_cache_key(char out[65], const thx_engine *e, bool code_too)
{
    const thx_model *m = e->model;
    thx_sha256       h;

    thx_sha256_init(&h);
    add_number(&h, KEY_VERSION);
    if (code_too) dl_iterate_phdr(add_object, &(code){ &h, (uintptr_t)thx_engine_cache_key });
    add_text(&h, m->identity);
    add_files(&h, m->weights);
    add_number(&h, m->options.type);
    add_number(&h, m->options.lora);
    for (size_t i = 0; i < m->n_ready; i++) add_number(&h, thx_weight_bytes(m->ready[i]));
    add_recipe(&h, &m->recipe);
    add_number(&h, e->options.precision);
    add_text(&h, e->ctx->ops->name);
    add_number(&h, thx_engine_kv_type(e));
    thx_sha256_end(&h, out);
}

/* ---- The film ---- */

void thx_film_cache_key(thx_entry_key *out, const thx_engine *e, const thx_picture *p, bool plain)
{
    thx_sha256 h;

    thx_sha256_of(p->data, (size_t)p->width * p->height * p->channels, out->film);
    memcpy(out->model, e->model->identity, sizeof out->model);
    thx_sha256_init(&h);
    thx_sha256_add(&h, e->cache_key, sizeof e->cache_key);
    add_number(&h, plain);
    add_number(&h, p->width);
    add_number(&h, p->height);
    add_number(&h, p->channels);
    thx_sha256_add(&h, out->film, sizeof out->film);
    thx_sha256_end(&h, out->key);
}
