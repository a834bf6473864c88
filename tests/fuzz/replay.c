/* Runs a fuzz target over files, without a fuzzer: fuzz-NAME [--damage N] [--seed S] PATH…
 *
 * PATH is a file or a folder of files. Each is given to LLVMFuzzerTestOneInput() as it is,
 * then N times (default 64) damaged: cut short, bytes changed, a run copied over another,
 * numbers made huge. Damage depends on the seed and the file's bytes alone, and what goes in
 * is always a block of exactly its size, so that the address sanitizer sees one byte too many.
 * A target that crashes ends the program; the last line printed says how to repeat it. An
 * empty input is tried first. A folder that is absent is an error: a parser has a corpus. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT_BYTES = 1 << 24, BUDGET_SECONDS = 20 };

typedef struct replay {
    const char *program;
    unsigned    damage;  /* damaged forms of each file              */
    uint64_t    seed;
    size_t      inputs;  /* how often the target was called         */
    time_t      started; /* damage stops when the budget is used up */
} replay;

/* SplitMix64: a step of the state, and a number from it. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n) { return n ? (size_t)(next(state) % n) : 0; }

/* Spoils data[0 .. size) and returns its new size, which is never larger. */
static size_t spoil(uint8_t *data, size_t size, uint64_t *state)
{
    static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, '"', '{', '[', '\\', '-', '9', '<' };
    const unsigned kind = (unsigned)below(state, 6);

    if (size == 0) return 0;
    if (kind == 0) return below(state, size);
    if (kind == 1) {
        const size_t at = below(state, size), run = below(state, 9);

        for (size_t i = at; i < size && i < at + run; i++) data[i] = 0xff;
        return size;
    }
    if (kind == 2) {
        const size_t from = below(state, size), to = below(state, size);
        const size_t room = size - (from > to ? from : to);

        memmove(data + to, data + from, below(state, room + 1));
        return size;
    }
    for (size_t n = 1 + below(state, 8); n > 0; n--) {
        uint8_t *at = data + below(state, size);

        if (kind == 3) *at ^= (uint8_t)(1u << below(state, 8));
        else if (kind == 4) *at = edges[below(state, sizeof edges)];
        else *at = (uint8_t)next(state);
    }
    return size;
}

/* Gives the target a block of exactly `size` bytes. */
static bool try_input(replay *r, const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact) return false;
    if (size) memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    r->inputs++;
    return true;
}

static bool try_damaged(replay *r, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    uint64_t state = r->seed ^ size;
    bool     good = copy != NULL;

    for (size_t i = 0; i < size; i += 1 + size / 64) state = state * 31 + data[i];
    for (unsigned i = 0; good && i < r->damage && time(NULL) - r->started < BUDGET_SECONDS; i++) {
        size_t left = size;

        if (size) memcpy(copy, data, size);
        for (size_t n = 1 + below(&state, 3); n > 0; n--) left = spoil(copy, left, &state);
        good = try_input(r, copy, left);
    }
    free(copy);
    return good;
}

static bool replay_file(replay *r, const char *path)
{
    FILE    *f = fopen(path, "rb");
    uint8_t *data = malloc(MAX_INPUT_BYTES);
    bool     good = false;

    if (f && data) {
        const size_t size = fread(data, 1, MAX_INPUT_BYTES, f);

        printf("%s --damage %u --seed %llu %s\n", r->program, r->damage, (unsigned long long)r->seed, path);
        fflush(stdout);
        good = !ferror(f) && try_input(r, data, size) && try_damaged(r, data, size);
    }
    if (!good) fprintf(stderr, "%s: cannot be read\n", path);
    if (f) fclose(f);
    free(data);
    return good;
}

static bool replay_folder(replay *r, const char *path)
{
    struct dirent **entries;
    const int n = scandir(path, &entries, NULL, alphasort);
    bool      good = n > 2;

    if (!good) fprintf(stderr, "%s: no corpus\n", path);
    for (int i = 0; i < n; i++) {
        char name[4096];

        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (good && entries[i]->d_name[0] != '.') good = replay_file(r, name);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    return good;
}

int main(int argc, char **argv)
{
    replay r = { .program = argv[0], .damage = 64, .seed = 1, .started = time(NULL) };
    bool   good = try_input(&r, (const uint8_t *)"", 0);

    for (int i = 1; i < argc && good; i++) {
        struct stat st;

        if (!strcmp(argv[i], "--damage") && i + 1 < argc) r.damage = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc) r.seed = strtoull(argv[++i], NULL, 10);
        else if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) good = replay_folder(&r, argv[i]);
        else good = replay_file(&r, argv[i]);
    }
    printf("%zu inputs\n", r.inputs);
    return good ? 0 : 1;
}
