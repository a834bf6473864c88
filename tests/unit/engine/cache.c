/* Caches of films on a tiny random checkpoint: what they give back is bit for bit what would be computed, in the same process
 * and after a restart; damaged, foreign and unfinished files, full disks and limits change no answer. */
#include "tiny.h"

#include "base/file.h"
#include "engine/cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifdef __SANITIZE_THREAD__ /* libgomp's own synchronisation is invisible to the sanitizer */
enum { TWO_THREADS = 1 };
#else
enum { TWO_THREADS = 2 };
#endif

static char folder[] = "/tmp/thorax-cache-XXXXXX";
static char model[64], store[64];
static unsigned char pixels[3][40 * 60];

static thx_picture picture(size_t i) { return (thx_picture){ .width = 40, .height = 60, .channels = 1, .data = pixels[i] }; }

static int setup(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < sizeof pixels[k]; i++) pixels[k][i] = (unsigned char)(i * (37 + k) % 251);
    if (!mkdtemp(folder)) return 1;
    snprintf(model, sizeof model, "%s/model", folder);
    snprintf(store, sizeof store, "%s/above/store", folder);
    return !tiny_write(model, 7);
}

static int teardown(void **state)
{
    (void)state;
    return tiny_remove(folder);
}

static int fresh_store(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", store);
    return system(command);
}

/* ---- Asking ---- */

static const thx_message question[] = { { "user", "Are there any abnormalities?" } };
static const thx_message other[] = { { "user", "Where is the tube? Be precise." } };
static const thx_message system_turn[] = { { "system", "Be brief." }, { "user", "Where is the tube?" } };

typedef struct answer {
    float    logits[4096];
    size_t   V;
    uint32_t cached, image;
    bool     tiles;  /* the tower ran */
    thx_cache_status status;
} answer;

static bool see(void *data, const char *what, size_t done, size_t total)
{
    (void)done, (void)total;
    if (!strcmp(what, "tiles")) *(bool *)data = true;
    return true;
}

/* One question in a session of its own. */
static void ask_engine(answer *a, thx_engine *e, size_t film, const thx_message *m, size_t n)
{
    const thx_picture p = picture(film);
    const thx_conversation c = { m, n };
    const thx_progress progress = { see, &a->tiles };
    thx_prompt_use use;
    thx_session *s;
    thorax_error err;

    *a = (answer){ .V = thx_engine_model(e)->decoder.config.V };
    assert_true(a->V <= sizeof a->logits / sizeof a->logits[0]);
    assert_ok(thx_session_open(&s, e, &p, &err), err);
    assert_ok(thx_session_next_logits(s, &c, 1, &progress, a->logits, &use, &err), err);
    a->cached = use.cached_tokens;
    a->image = use.image_tokens;
    thx_session_close(s);
    a->status = thx_engine_cache_status(e);
}

static thx_engine *open_engine(thx_engine_options o)
{
    return tiny_engine(model, o);
}

/* The same in an engine of its own, which is a restart as far as the disk is concerned. */
static void ask_anew(answer *a, thx_engine_options o, size_t film, const thx_message *m, size_t n)
{
    thx_engine *e = open_engine(o);
    ask_engine(a, e, film, m, n);
    thx_engine_close(e);
}

static void assert_same(const answer *a, const answer *b)
{
    assert_int_equal(a->V, b->V);
    assert_memory_equal(a->logits, b->logits, a->V * sizeof a->logits[0]);
}

static const thx_engine_options plain = { .precision = THX_FAST, .cpu_level = -1, .threads = 1 };

static thx_engine_options with_memory(uint64_t bytes)
{
    thx_engine_options o = plain;
    o.cache_bytes = bytes;
    return o;
}

static thx_engine_options with_store(void)
{
    thx_engine_options o = plain;
    o.cache_folder = store;
    return o;
}

static size_t count_files(const char *ending)
{
    DIR *d = opendir(store);
    size_t n = 0;

    for (struct dirent *e; d && (e = readdir(d));)
        n += strlen(e->d_name) > strlen(ending) && !strcmp(e->d_name + strlen(e->d_name) - strlen(ending), ending);
    if (d) closedir(d);
    return n;
}

static thx_cache_listing list(void)
{
    thx_cache_listing l;
    thorax_error err;
    assert_ok(thx_cache_folder_list(&l, store, &err), err);
    return l;
}

/* The path of the first entry of a kind, in one static buffer. */
static const char *entry_path(thx_entry_kind kind)
{
    static char path[256];
    thx_cache_listing l = list();

    *path = 0;
    for (size_t i = 0; i < l.n; i++)
        if (l.lines[i].facts.kind == kind) snprintf(path, sizeof path, "%s/%s", store, l.lines[i].name);
    thx_cache_listing_deinit(&l);
    assert_true(*path != 0);
    return path;
}

/* ---- Nothing changes a bit ---- */

static void another_session_starts_behind_the_film(void **state)
{
    static const thx_engine_options modes[] = { { .precision = THX_EXACT, .cpu_level = -1, .threads = 1 }, { .precision = THX_FAST, .cpu_level = -1, .threads = 1 },
                                                { .precision = THX_FAST, .cpu_level = -1, .threads = TWO_THREADS } };
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        thx_engine_options o = modes[i];
        answer want[3], a;

        ask_anew(&want[0], o, 0, question, 1);
        ask_anew(&want[1], o, 0, other, 1);
        ask_anew(&want[2], o, 0, system_turn, 2);
        o.cache_bytes = 1 << 30;
        thx_engine *e = open_engine(o);
        ask_engine(&a, e, 0, question, 1);
        assert_same(&a, &want[0]);
        assert_int_equal(a.cached, 0);
        assert_true(a.tiles);
        ask_engine(&a, e, 0, other, 1);
        assert_same(&a, &want[1]);
        assert_true(a.cached > a.image && !a.tiles);
        ask_engine(&a, e, 0, system_turn, 2); /* begins otherwise: the film's rows alone are there */
        assert_same(&a, &want[2]);
        assert_true(a.cached < a.image && !a.tiles);
        ask_engine(&a, e, 0, system_turn, 2);
        assert_same(&a, &want[2]);
        assert_true(a.cached > a.image);
        ask_engine(&a, e, 1, question, 1); /* another film */
        assert_true(a.tiles && a.cached == 0);
        thx_engine_close(e);
    }
}

static void a_restart_starts_behind_the_film(void **state)
{
    static const thx_precision modes[] = { THX_EXACT, THX_FAST };
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        thx_engine_options o = { .precision = modes[i], .cpu_level = -1, .threads = 1 };
        answer want[3], a;

        ask_anew(&want[0], o, 0, question, 1);
        ask_anew(&want[1], o, 0, other, 1);
        ask_anew(&want[2], o, 0, system_turn, 2);
        o.cache_folder = store;
        ask_anew(&a, o, 0, question, 1);
        assert_same(&a, &want[0]);
        assert_int_equal(a.cached, 0);
        assert_int_equal(a.status.from_disk, 0);
        o.threads = TWO_THREADS;
        ask_anew(&a, o, 0, question, 1);
        assert_same(&a, &want[0]);
        assert_true(a.cached > a.image && !a.tiles);
        ask_anew(&a, o, 0, other, 1);
        assert_same(&a, &want[1]);
        assert_true(a.cached > a.image && !a.tiles);
        assert_int_equal(a.status.from_disk, 1);
        ask_anew(&a, o, 0, system_turn, 2);
        assert_same(&a, &want[2]);
        assert_true(a.cached < a.image && !a.tiles);
        ask_anew(&a, o, 0, system_turn, 2);
        assert_same(&a, &want[2]);
        assert_true(a.cached > a.image);
        assert_int_equal(a.status.damaged, 0);
    }
    assert_int_equal(count_files(".rows"), 2); /* a precision is a key of its own */
    assert_int_equal(count_files(".kv"), 4);
}

static void answers_are_the_same_too(void **state)
{
    thx_engine_options o = plain;
    thx_answer want, a;
    thorax_error err;
    const thx_picture p = picture(0);
    const thx_request r = { .messages = other, .n_messages = 1, .max_new_tokens = 12, .ignore_eos = true,
                            .sampling = { .sample = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 5 } };
    (void)state;
    for (int i = 0; i < 4; i++) { /* without, first, from disk, from disk and then memory */
        thx_session *s;
        thx_engine *e = open_engine(o);

        assert_ok(thx_session_open(&s, e, &p, &err), err);
        assert_ok(thx_session_generate(s, &r, i ? &a : &want, &err), err);
        if (i) {
            assert_int_equal(a.cached_tokens > 0, i > 1);
            assert_int_equal(a.ids.size, want.ids.size);
            assert_memory_equal(a.ids.data, want.ids.data, a.ids.size * sizeof a.ids.data[0]);
            thx_answer_deinit(&a);
        }
        thx_session_close(s);
        thx_engine_close(e);
        o.cache_folder = store;
        o.cache_bytes = i == 2 ? 1 << 30 : 0;
    }
    thx_answer_deinit(&want);
}

/* Several branches at once, and every row asked for: the cache is of no harm. */
static void branches_and_inspection_are_the_same(void **state)
{
    const thx_conversation list[] = { { other, 1 }, { question, 1 }, { system_turn, 2 } };
    thx_engine *without = open_engine(plain), *with = open_engine(with_memory(1 << 30));
    const size_t V = thx_engine_model(with)->decoder.config.V;
    float *a = malloc(3 * V * sizeof *a), *b = malloc(3 * V * sizeof *b);
    const thx_picture p = picture(0);
    thx_prompt_use use;
    thorax_error err;

    (void)state;
    for (int i = 0; i < 2; i++) {
        thx_session *s, *t;
        const float *rows, *same;

        assert_ok(thx_session_open(&s, without, &p, &err), err);
        assert_ok(thx_session_open(&t, with, &p, &err), err);
        assert_ok(thx_session_next_logits(s, list, 3, NULL, a, &use, &err), err);
        assert_ok(thx_session_next_logits(t, list, 3, NULL, b, &use, &err), err);
        assert_memory_equal(a, b, 3 * V * sizeof *a);
        assert_int_equal(use.cached_tokens > use.image_tokens, i > 0);
        if (i == 0) { /* branches with different beginnings leave no prefix; one question does */
            assert_ok(thx_session_next_logits(t, list, 1, NULL, b, &use, &err), err);
            assert_memory_equal(a, b, V * sizeof *a);
        }
        assert_ok(thx_session_encode(s, NULL, NULL, &rows, &err), err);
        assert_ok(thx_session_encode(t, NULL, NULL, &same, &err), err);
        assert_memory_equal(rows, same, thx_session_geometry(s)->image_tokens * thx_engine_model(with)->decoder.config.D * sizeof *rows);
        thx_session_close(s);
        thx_session_close(t);
    }
    free(a);
    free(b);
    thx_engine_close(without);
    thx_engine_close(with);
}

static void what_changes_a_value_is_another_entry(void **state)
{
    thx_engine_options o = with_store();
    answer a;

    (void)state;
    ask_anew(&a, o, 0, question, 1);
    o.precision = THX_EXACT;
    ask_anew(&a, o, 0, question, 1);
    assert_true(a.cached == 0 && a.tiles);
    o = with_store();
    o.compat = THX_COMPAT_446;
    ask_anew(&a, o, 0, question, 1);
    assert_true(a.cached == 0 && a.tiles);
    o = with_store();
    o.cpu_level = THX_CPU_AVX2;
    ask_anew(&a, o, 0, question, 1);
    assert_true(a.cached == 0 && a.tiles);
    ask_anew(&a, with_store(), 1, question, 1);
    assert_true(a.cached == 0 && a.tiles);
    ask_anew(&a, with_store(), 0, question, 1);
    assert_true(a.cached > 0 && !a.tiles);
    char command[128];
    snprintf(command, sizeof command, "touch -d '2001-01-01' %s/*.safetensors", model);
    assert_int_equal(system(command), 0); /* the weights were written anew */
    ask_anew(&a, with_store(), 0, question, 1);
    assert_true(a.cached == 0 && a.tiles);
}

/* ---- In memory ---- */

static void memory_is_bounded_and_the_oldest_goes(void **state)
{
    thx_engine *e = open_engine(with_memory(1 << 30));
    thx_plan before, after;
    thorax_error err;
    answer a;

    (void)state;
    assert_ok(thx_engine_plan(&before, e, 40, 60, 8, 8, &err), err);
    ask_engine(&a, e, 0, question, 1);
    assert_ok(thx_engine_plan(&after, e, 40, 60, 8, 8, &err), err);
    const uint64_t one = after.cache_bytes - before.cache_bytes;
    assert_true(one > 0);
    assert_int_equal(after.peak_bytes - before.peak_bytes, one);
    thx_engine_close(e);

    e = open_engine(with_memory(2 * one));
    ask_engine(&a, e, 0, question, 1);
    ask_engine(&a, e, 1, question, 1);
    ask_engine(&a, e, 0, question, 1);
    assert_true(a.cached > 0);
    ask_engine(&a, e, 2, question, 1);
    assert_int_equal(a.cached, 0);
    assert_ok(thx_engine_plan(&after, e, 40, 60, 8, 8, &err), err);
    assert_true(after.cache_bytes - before.cache_bytes <= 2 * one);
    ask_engine(&a, e, 0, question, 1); /* used after film 1 */
    assert_true(a.cached > 0);
    thx_engine_close(e);

    e = open_engine(with_memory(one)); /* one film at a time */
    for (int i = 0; i < 4; i++) {
        ask_engine(&a, e, i % 2, question, 1);
        assert_true(a.cached == 0 && a.tiles);
    }
    ask_engine(&a, e, 1, question, 1);
    assert_true(a.cached > 0);
    thx_engine_close(e);

    e = open_engine(with_memory(64)); /* too little for anything */
    for (int i = 0; i < 2; i++) ask_engine(&a, e, 0, question, 1);
    assert_int_equal(a.cached, 0);
    thx_engine_close(e);
}

static void a_memory_limit_comes_before_the_cache(void **state)
{
    thx_engine *e = open_engine(plain);
    thx_engine_options o = with_memory(1 << 30);
    thx_plan plan;
    thorax_error err;
    answer a;

    (void)state;
    assert_ok(thx_engine_plan(&plan, e, 40, 60, 64, 1, &err), err);
    thx_engine_close(e);
    o.mem_limit_bytes = plan.peak_bytes + plan.kv_bytes / 2;
    o.cache_folder = store;
    e = open_engine(o);
    for (size_t i = 0; i < 3; i++) ask_engine(&a, e, i, question, 1); /* none is refused for what is kept of another */
    assert_ok(thx_engine_plan(&plan, e, 40, 60, 8, 1, &err), err);
    thx_engine_close(e);
}

/* ---- On disk ---- */

static unsigned mode_of(const char *path)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_mode & 0777;
}

static void folder_and_files_are_the_users_own(void **state)
{
    const mode_t mask = umask(0);
    answer a;

    (void)state;
    ask_anew(&a, with_store(), 0, question, 1);
    umask(mask);
    assert_int_equal(mode_of(store), 0700);
    assert_int_equal(mode_of(entry_path(THX_ENTRY_ROWS)), 0600);
    assert_int_equal(mode_of(entry_path(THX_ENTRY_PREFIX)), 0600);
    thx_cache_listing l = list();
    assert_int_equal(l.n, 2);
    for (size_t i = 0; i < l.n; i++) {
        assert_true(l.lines[i].facts.usable);
        assert_int_equal(strlen(l.lines[i].facts.key.film), 64);
    }
    thx_cache_listing_deinit(&l);
    struct dirent **names;
    const int n = scandir(store, &names, NULL, alphasort);
    assert_int_equal(n, 5); /* ".", "..", two entries, the lock */
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
}

static char *read_file(const char *path, size_t *size)
{
    char *data;
    thorax_error err;
    assert_ok(thx_file_read(&data, size, path, 1 << 28, &err), err);
    return data;
}

static void write_file(const char *path, const void *data, size_t size)
{
    thorax_error err;
    assert_ok(thx_file_write(path, data, size, &err), err);
}

static void wait_for(thx_engine *e, uint64_t written)
{
    thx_cache_status c = thx_engine_cache_status(e);

    for (int i = 0; i < 2000 && c.stored + c.failed < written; i++, c = thx_engine_cache_status(e)) usleep(5000);
    assert_int_equal(c.stored + c.failed, written);
}

/* Puts a file in the place of the entry that a question would use; expects the answer all the same, and the file replaced. The
 * engine keeps nothing in memory. */
static void expect_recomputed(thx_engine *e, const char *path, const void *data, size_t size, const answer *want)
{
    const thx_cache_status before = thx_engine_cache_status(e);
    answer a;

    write_file(path, data, size);
    ask_engine(&a, e, 0, question, 1);
    assert_same(&a, want);
    assert_int_equal(a.cached, 0);
    assert_int_equal(a.status.damaged, before.damaged + 1);
    wait_for(e, before.stored + 1);
    ask_engine(&a, e, 0, question, 1);
    assert_same(&a, want);
    assert_true(a.cached > 0);
    assert_int_equal(a.status.damaged, before.damaged + 1);
}

static void damaged_entries_are_computed_again(void **state)
{
    thx_engine *e = open_engine(with_store());
    answer want, a;
    size_t size;
    char path[256];

    (void)state;
    ask_anew(&want, plain, 0, question, 1);
    ask_engine(&a, e, 0, question, 1);
    wait_for(e, 2);
    snprintf(path, sizeof path, "%s", entry_path(THX_ENTRY_PREFIX));
    char *good = read_file(path, &size), *bad = malloc(2 * size);
    const size_t cuts[] = { 0, 1, 8, 255, 256, 300, size / 2, size - 64, size - 1 };
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) /* torn */
        expect_recomputed(e, path, good, cuts[i], &want);
    for (size_t at = 0; at < size; at += at < 400 ? 23 : size / 9) { /* one bit: magic, version, sizes, keys, ids, values, digest */
        memcpy(bad, good, size);
        bad[at] ^= 0x20;
        expect_recomputed(e, path, bad, size, &want);
    }
    memcpy(bad, good, size); /* longer than it says */
    memset(bad + size, 0, size);
    expect_recomputed(e, path, bad, 2 * size, &want);
    for (size_t at = 8; at < 24; at += 4) { /* version, kind, length: huge */
        memcpy(bad, good, size);
        memset(bad + at, 0xff, 24 - at);
        expect_recomputed(e, path, bad, size, &want);
    }
    free(good);
    free(bad);
    thx_engine_close(e);
}

static void entries_of_something_else_are_not_believed(void **state)
{
    thx_engine *e = open_engine(with_store());
    answer want, a;
    size_t size;
    char path[256], elsewhere[300];

    (void)state;
    ask_anew(&want, plain, 0, question, 1);
    ask_engine(&a, e, 1, question, 1); /* a whole and sound entry, of another film */
    wait_for(e, 2);
    char *foreign = read_file(entry_path(THX_ENTRY_PREFIX), &size);
    assert_int_equal(fresh_store(NULL), 0);
    thx_engine_close(e);
    e = open_engine(with_store());
    ask_engine(&a, e, 0, question, 1);
    wait_for(e, 2);
    snprintf(path, sizeof path, "%s", entry_path(THX_ENTRY_PREFIX));
    expect_recomputed(e, path, foreign, size, &want);
    free(foreign);

    write_file(entry_path(THX_ENTRY_ROWS), "THXCACHE", 8); /* rows are looked for when the prefix is not there */
    assert_int_equal(unlink(path), 0);
    ask_engine(&a, e, 0, question, 1);
    assert_same(&a, &want);
    assert_true(a.cached == 0 && a.tiles);
    assert_int_equal(a.status.damaged, 2);
    wait_for(e, 5);

    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder); /* links are not followed */
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    ask_engine(&a, e, 0, question, 1);
    assert_same(&a, &want);
    assert_int_equal(a.cached, 0);
    thx_engine_close(e);
    assert_true(thx_file_exists(elsewhere));
}

static uint64_t store_bytes(void)
{
    thx_cache_listing l = list();
    uint64_t all = 0;

    for (size_t i = 0; i < l.n; i++) all += l.lines[i].bytes;
    thx_cache_listing_deinit(&l);
    return all;
}

static void the_folder_is_bounded(void **state)
{
    thx_engine_options o = with_store();
    answer a;

    (void)state;
    ask_anew(&a, o, 0, question, 1);
    const uint64_t one = store_bytes();
    o.cache_folder_bytes = 2 * one;
    ask_anew(&a, o, 1, question, 1);
    ask_anew(&a, o, 0, question, 1);
    assert_true(a.cached > 0);
    ask_anew(&a, o, 2, question, 1);
    assert_true(store_bytes() <= 2 * one);
    ask_anew(&a, o, 0, question, 1); /* used after film 1 */
    assert_true(a.cached > 0);
    assert_int_equal(fresh_store(NULL), 0);
    o.cache_folder_bytes = one; /* one film at a time */
    for (int i = 0; i < 4; i++) {
        ask_anew(&a, o, i % 2, question, 1);
        assert_int_equal(a.cached, 0);
        assert_true(store_bytes() <= one);
    }
    ask_anew(&a, o, 1, question, 1);
    assert_true(a.cached > 0);
    assert_int_equal(fresh_store(NULL), 0);
    o.cache_folder_bytes = 100; /* nothing fits */
    thx_engine *e = open_engine(o);
    const thx_picture p = picture(0);
    thx_session *s;
    thorax_error err;
    ask_engine(&a, e, 0, question, 1);
    assert_ok(thx_session_open(&s, e, &p, &err), err);
    thx_session_close(s);
    for (int i = 0; i < 500 && thx_engine_cache_status(e).failed < 2; i++) usleep(10000);
    const thx_cache_status status = thx_engine_cache_status(e);
    assert_int_equal(status.failed, 2);
    assert_non_null(strstr(status.text, "limit"));
    thx_engine_close(e);
    assert_int_equal(count_files(".kv"), 0);
}

static void a_full_disk_costs_the_entry_alone(void **state)
{
    struct rlimit was, small;
    answer want, a;

    (void)state;
    ask_anew(&want, plain, 0, question, 1);
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = 4096; /* a file that cannot grow stands for a disk that is full */
    signal(SIGXFSZ, SIG_IGN);
    thx_engine *e = open_engine(with_store());
    setrlimit(RLIMIT_FSIZE, &small);
    ask_engine(&a, e, 0, question, 1);
    for (int i = 0; i < 500 && thx_engine_cache_status(e).failed < 2; i++) usleep(10000);
    setrlimit(RLIMIT_FSIZE, &was);
    const thx_cache_status status = thx_engine_cache_status(e);
    thx_engine_close(e);
    assert_same(&a, &want);
    assert_int_equal(status.failed, 2);
    assert_true(status.text[0] != 0);
    thx_cache_listing l = list();
    assert_int_equal(l.n, 0);
    thx_cache_listing_deinit(&l);
    struct dirent **names;
    const int n = scandir(store, &names, NULL, alphasort);
    assert_int_equal(n, 3); /* the lock alone */
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
}

static void a_folder_that_cannot_be_is_said_at_once(void **state)
{
    thx_engine_options o = plain;
    thx_engine *e;
    thorax_error err;
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/model/config.json", folder);
    o.cache_folder = path;
    assert_int_equal(thx_engine_open(&e, model, &o, &err), THORAX_IO);
    assert_null(e);
    assert_non_null(strstr(err.text, "config.json"));
    o.cache_folder = "";
    assert_int_equal(thx_engine_open(&e, model, &o, &err), THORAX_IO);
}

/* ---- The folder, shared ---- */

enum { VALUES = 3000 };

/* An entry of values that follow from its number. */
typedef struct sample {
    thx_entry_key key;
    int32_t       ids[3];
    float         values[VALUES];
    thx_piece     pieces[2];
    thx_entry     entry;
} sample;

static void sample_init(sample *s, unsigned number)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < 64; i++) s->key.key[i] = s->key.film[i] = s->key.model[i] = "0123456789abcdef"[(i + number) % 16];
    s->ids[1] = (int32_t)number;
    for (size_t i = 0; i < VALUES; i++) s->values[i] = (float)(i * (number + 1));
    s->pieces[0] = (thx_piece){ s->values, 1000 * sizeof(float) };
    s->pieces[1] = (thx_piece){ s->values + 1000, (VALUES - 1000) * sizeof(float) };
    s->entry = (thx_entry){ .kind = THX_ENTRY_PREFIX, .key = &s->key, .ids = s->ids, .n_ids = 3, .shape = { 3, number }, .pieces = s->pieces, .n_pieces = 2 };
}

/* 0: not there, 1: as it was stored, -1: anything else. */
static int load_sample(unsigned number)
{
    sample want, found;
    char name[THX_ENTRY_NAME];

    sample_init(&want, number);
    sample_init(&found, number);
    memset(found.values, 0, sizeof found.values);
    thx_entry_name(name, &want.entry);
    const int file = thx_cache_folder_open(store, name, true);
    if (file < 0) return 0;
    const thorax_status st = thx_entry_read(file, &found.entry, NULL);
    close(file);
    return !st && !memcmp(want.values, found.values, sizeof want.values) ? 1 : -1;
}

static void many_processes_share_a_folder(void **state)
{
    enum { PROCESSES = 6, ROUNDS = 60 };
    pid_t children[PROCESSES];
    thorax_error err;

    (void)state;
    assert_ok(thx_folder_make_private(store, &err), err);
    for (int p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        if (children[p]) continue;
        int bad = 0;
        for (unsigned i = 0; i < ROUNDS && !bad; i++) {
            sample s;
            size_t removed;
            uint64_t bytes;

            sample_init(&s, i % 5);
            /* room for three of the five; a temporary file that is cleared away is a failure to store, no more */
            if (p == 0 && i % 9 == 0) bad |= thx_cache_folder_clear(store, &removed, &bytes, NULL) != THORAX_OK;
            else (void)!thx_cache_folder_store(store, 3 * 13000, &s.entry, NULL);
            for (unsigned k = 0; k < 5; k++) bad |= load_sample(k) < 0;
        }
        _exit(bad);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_int_equal(waitpid(children[p], &status, 0), children[p]);
        assert_int_equal(status, 0);
    }
    thx_cache_listing l = list();
    assert_true(l.n <= 3);
    for (size_t i = 0; i < l.n; i++) assert_true(l.lines[i].facts.usable);
    thx_cache_listing_deinit(&l);
    assert_int_equal(count_files("0"), 0);
}

static void leave_file(const char *name, const void *data, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", store, name);
    write_file(path, data, size);
}

static bool there(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", store, name);
    return thx_file_exists(path);
}

static void what_the_dead_left_is_cleared_away(void **state)
{
    static const char dead[] = "thx-0123456789abcdef0123456789abcdef.kv.77-0", empty[] = "thx-0123456789abcdef0123456789abcdef.rows.77-0",
                      alive[] = "thx-0123456789abcdef0123456789abcdef.kv.77-1";
    char path[256];
    thorax_error err;
    sample s;

    (void)state;
    assert_ok(thx_folder_make_private(store, &err), err);
    leave_file(dead, "THXCACHE and half of a file", 20);
    leave_file(empty, "", 0);
    leave_file(alive, "THXCACHE", 8);
    snprintf(path, sizeof path, "%s/%s", store, alive);
    const int held = open(path, O_WRONLY);
    assert_int_equal(flock(held, LOCK_EX), 0);
    sample_init(&s, 1);
    assert_ok(thx_cache_folder_store(store, 0, &s.entry, &err), err);
    assert_false(there(dead));
    assert_false(there(empty));
    assert_true(there(alive));
    close(held);
    sample_init(&s, 2);
    assert_ok(thx_cache_folder_store(store, 0, &s.entry, &err), err);
    assert_false(there(alive));
    assert_int_equal(load_sample(1), 1);
    assert_int_equal(load_sample(2), 1);
}

static void clearing_touches_nothing_else(void **state)
{
    static const char *const others[] = { "notes.txt", "thx-lock", "thx-0123456789abcdef0123456789abcdef.kv", "thx-0123456789abcdef0123456789abcdef.kvx",
                                          "thx-0123456789ABCDEF0123456789abcdef.kv", "thx-0123456789abcdef0123456789abcdef.kv.1-2-3" };
    thorax_error err;
    size_t removed;
    uint64_t bytes;
    char path[256];
    sample s;

    (void)state;
    assert_ok(thx_cache_folder_clear(store, &removed, &bytes, &err), err); /* not there: fine */
    assert_int_equal(removed, 0);
    thx_cache_listing l = list();
    assert_int_equal(l.n, 0);
    assert_ok(thx_folder_make_private(store, &err), err);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) leave_file(others[i], i == 2 ? "mine, whatever its name" : "THXCACHE", i == 2 ? 23 : 8);
    leave_file("thx-1123456789abcdef0123456789abcdef.kv", "THXCACHE\2\0\0\0 of a version to come", 34);
    for (unsigned i = 0; i < 4; i++) {
        sample_init(&s, i);
        assert_ok(thx_cache_folder_store(store, 0, &s.entry, &err), err);
    }
    snprintf(path, sizeof path, "%s/thx-2123456789abcdef0123456789abcdef.kv", store);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    l = list();
    assert_int_equal(l.n, 5);
    thx_cache_listing_deinit(&l);
    assert_ok(thx_cache_folder_clear(store, &removed, &bytes, &err), err);
    assert_int_equal(removed, 5);
    assert_int_equal(bytes, 4 * thx_entry_bytes(&s.entry) + 34);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) assert_true(there(others[i]));
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    l = list();
    assert_int_equal(l.n, 0);
    snprintf(path, sizeof path, "%s/notes.txt", store);
    assert_int_equal(thx_cache_folder_list(&l, path, &err), THORAX_IO); /* a file is no folder */
    assert_int_equal(thx_cache_folder_clear(path, &removed, &bytes, &err), THORAX_IO);
}

static void names_are_exact(void **state)
{
    static const struct { const char *name; bool good, unfinished; } cases[] = {
        { "thx-0123456789abcdef0123456789abcdef.kv", true, false }, { "thx-0123456789abcdef0123456789abcdef.rows", true, false },
        { "thx-0123456789abcdef0123456789abcdef.kv.12-3", true, true }, { "thx-0123456789abcdef0123456789abcdef.rows.1-0", true, true },
        { "thx-0123456789abcdef0123456789abcdef.kv.-3", false, false }, { "thx-0123456789abcdef0123456789abcdef.kv.12-", false, false },
        { "thx-0123456789abcdef0123456789abcdef", false, false }, { "thx-0123456789abcdef0123456789abcdef0.kv", false, false },
        { "thx-", false, false }, { "", false, false }, { "THX-0123456789abcdef0123456789abcdef.kv", false, false },
        { "thx-0123456789abcdef0123456789abcdef.kv/../x", false, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool unfinished;
        const bool good = thx_entry_is_name(cases[i].name, &unfinished);
        assert_int_equal(good, cases[i].good);
        if (good) assert_int_equal(unfinished, cases[i].unfinished);
    }
}

#define ON_STORE(name) cmocka_unit_test_setup(name, fresh_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_session_starts_behind_the_film),
        ON_STORE(a_restart_starts_behind_the_film),
        ON_STORE(answers_are_the_same_too),
        cmocka_unit_test(branches_and_inspection_are_the_same),
        ON_STORE(what_changes_a_value_is_another_entry),
        cmocka_unit_test(memory_is_bounded_and_the_oldest_goes),
        ON_STORE(a_memory_limit_comes_before_the_cache),
        ON_STORE(folder_and_files_are_the_users_own),
        ON_STORE(damaged_entries_are_computed_again),
        ON_STORE(entries_of_something_else_are_not_believed),
        ON_STORE(the_folder_is_bounded),
        ON_STORE(a_full_disk_costs_the_entry_alone),
        cmocka_unit_test(a_folder_that_cannot_be_is_said_at_once),
        ON_STORE(many_processes_share_a_folder),
        ON_STORE(what_the_dead_left_is_cleared_away),
        ON_STORE(clearing_touches_nothing_else),
        cmocka_unit_test(names_are_exact),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
