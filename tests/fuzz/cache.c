/* Files of the disk cache: as an entry that is wanted, as one that is listed, and as what a folder holds. */
#include "engine/cache_folder.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES = 24 };

/* The entry that the files of the corpus hold. */
static void want(thx_entry *e, thx_entry_key *key, thx_piece pieces[2], float *values)
{
    static const int32_t ids[] = { 5, -200, -200, 7 };

    memset(key->key, 'a', 64);
    memset(key->film, 'b', 64);
    memset(key->model, 'c', 64);
    key->key[64] = key->film[64] = key->model[64] = 0;
    pieces[0] = (thx_piece){ values, 16 * sizeof *values };
    pieces[1] = (thx_piece){ values + 16, (VALUES - 16) * sizeof *values };
    *e = (thx_entry){ .kind = THX_ENTRY_PREFIX, .key = key, .ids = ids, .n_ids = 4, .shape = { 4, 1, 1, 2, 64, 2 }, .pieces = pieces, .n_pieces = 2 };
}

static void use(const char *folder, const thx_entry *e, const char *name)
{
    thx_entry_facts   facts;
    thx_cache_listing all;
    const int         file = thx_cache_folder_open(folder, name, true);

    if (file >= 0) {
        thx_entry_peek(&facts, file);
        if (facts.usable && (strlen(facts.key.film) != 64 || strlen(facts.key.model) != 64)) abort();
        lseek(file, 0, SEEK_SET);
        const thorax_status st = thx_entry_read(file, e, NULL);
        for (size_t i = 0; !st && i < VALUES; i++) /* what is believed is what was written */
            if (((const float *)e->pieces[0].data)[i] != (float)i) abort();
        close(file);
    }
    if (!thx_cache_folder_list(&all, folder, NULL)) thx_cache_listing_deinit(&all);
    (void)!thx_cache_folder_store(folder, 4096, e, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char          folder[64], path[160], name[THX_ENTRY_NAME];
    float         values[VALUES];
    thx_entry     e;
    thx_entry_key key;
    thx_piece     pieces[2];
    size_t        removed;
    uint64_t      bytes;

    for (size_t i = 0; i < VALUES; i++) values[i] = (float)i;
    want(&e, &key, pieces, values);
    thx_entry_name(name, &e);
    snprintf(folder, sizeof folder, "/tmp/fuzz-cache-%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (thx_folder_make_private(folder, NULL)) return 0;
    if (!thx_file_write(path, data, size, NULL)) use(folder, &e, name);
    (void)!thx_cache_folder_clear(folder, &removed, &bytes, NULL);
    unlink(path);
    snprintf(path, sizeof path, "%s/thx-lock", folder);
    unlink(path);
    rmdir(folder);
    return 0;
}
