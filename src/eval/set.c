/* Sets of items in memory; see set.h. */
#include "eval/set.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

/* What an item is found by. */
typedef struct thx_eval_key { const char *id, *task; size_t at; } thx_eval_key;

thorax_status thx_eval_set_init(thx_eval_set *set, thorax_error *err)
{
    *set = (thx_eval_set){ 0 };
    return thx_arena_open(&set->arena, 0, err);
}

void thx_eval_set_deinit(thx_eval_set *set)
{
    thx_arena_close(set->arena);
    free(set->items);
    free(set->files);
    free(set->keys);
    thx_eval_problems_deinit(&set->problems);
    *set = (thx_eval_set){ 0 };
}

/* ---- Copies ---- */

static bool copy_text(thx_arena *arena, const char **text)
{
    if (!*text) return true;
    if (!**text) *text = "";
    else *text = thx_arena_strdup(arena, *text);
    return *text != NULL;
}

static bool copy_boxes(thx_arena *arena, const thx_eval_box **boxes, size_t n)
{
    if (!n) return true;
    thx_eval_box *copy = thx_arena_alloc(arena, n, sizeof *copy);
    if (!copy) return false;
    memcpy(copy, *boxes, n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        if (!copy_text(arena, &copy[i].label)) return false;
    *boxes = copy;
    return true;
}

static bool copy_turns(thx_arena *arena, thx_eval_item *item)
{
    if (!item->n_turns) return true;
    thx_message *copy = thx_arena_alloc(arena, item->n_turns, sizeof *copy);
    if (!copy) return false;
    for (size_t i = 0; i < item->n_turns; i++) {
        copy[i] = item->turns[i];
        if (!copy_text(arena, &copy[i].role) || !copy_text(arena, &copy[i].content)) return false;
    }
    item->turns = copy;
    return true;
}

static bool copy_answers(thx_arena *arena, thx_eval_item *item)
{
    const char **copy = item->n_answers ? thx_arena_alloc(arena, item->n_answers, sizeof *copy) : NULL;

    for (size_t i = 0; copy && i < item->n_answers; i++) {
        copy[i] = item->answers[i];
        if (!copy_text(arena, &copy[i])) return false;
    }
    item->answers = copy;
    return copy || !item->n_answers;
}

static bool copy_item(thx_arena *arena, thx_eval_item *item)
{
    return copy_text(arena, &item->id) && copy_text(arena, &item->image) && copy_text(arena, &item->task) &&
           copy_text(arena, &item->question) && copy_text(arena, &item->phrase) &&
           copy_text(arena, &item->prediction) && copy_text(arena, &item->reference) &&
           copy_boxes(arena, &item->boxes, item->n_boxes) && copy_boxes(arena, &item->found, item->n_found) &&
           copy_turns(arena, item) && copy_answers(arena, item);
}

static bool grow(thx_eval_set *set)
{
    const size_t room = set->room ? 2 * set->room : 256;
    thx_eval_item *items = realloc(set->items, room * sizeof *items);

    if (items) set->items = items;
    const char **files = realloc(set->files, room * sizeof *files);
    if (files) set->files = files;
    if (!items || !files) return false;
    set->room = room;
    return true;
}

thorax_status thx_eval_set_add(thx_eval_set *set, const char *path, const thx_eval_item *item, thorax_error *err)
{
    thx_eval_item copy = *item;

    if ((set->n == set->room && !grow(set)) || !copy_item(set->arena, &copy))
        return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for line %zu", path, item->line);
    set->items[set->n] = copy;
    set->files[set->n++] = path;
    return THORAX_OK;
}

typedef struct taking { thx_eval_set *set; const char *path; } taking;

static thorax_status take(void *data, const thx_eval_item *item, thorax_error *err)
{
    const taking *t = data;
    return thx_eval_set_add(t->set, t->path, item, err);
}

thorax_status thx_eval_set_read(thx_eval_set *set, const char *path, const thx_eval_reading *reading, thorax_error *err)
{
    taking t = { set, thx_arena_strdup(set->arena, path) };

    if (!t.path) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);
    return thx_eval_read(path, reading, take, &t, &set->problems, err);
}

/* ---- Finding ---- */

static int by_name(const void *a, const void *b)
{
    const thx_eval_key *x = a, *y = b;
    const int id = strcmp(x->id, y->id), task = id ? 0 : strcmp(x->task, y->task);
    return id ? id : task ? task : (x->at > y->at) - (x->at < y->at);
}

static thorax_status make_keys(thx_eval_set *set, thorax_error *err)
{
    free(set->keys);
    set->keys = malloc((set->n + 1) * sizeof *set->keys);
    if (!set->keys) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu items", set->n);
    for (size_t i = 0; i < set->n; i++) set->keys[i] = (thx_eval_key){ set->items[i].id, set->items[i].task, i };
    qsort(set->keys, set->n, sizeof *set->keys, by_name);
    set->n_keys = set->n;
    return THORAX_OK;
}

/* Of keys[from..to), all alike, marks all but the one that stays. */
static void leave_out(thx_eval_set *set, size_t from, size_t to, bool *out)
{
    size_t stays = from;

    while (stays + 1 < to && set->items[set->keys[stays].at].failed) stays++;
    for (size_t i = from; i < to; i++) {
        const size_t at = set->keys[i].at;
        if (i == stays) continue;
        out[at] = true;
        if (!set->items[at].failed)
            thx_eval_note(&set->problems, &set->problems.twice, set->files[at], set->items[at].line,
                          "an item with this task and id came before");
    }
}

thorax_status thx_eval_set_index(thx_eval_set *set, thorax_error *err)
{
    bool *out = calloc(set->n + 1, sizeof *out);
    thorax_status st = out ? make_keys(set, err) : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu items", set->n);
    size_t kept = 0;

    for (size_t from = 0, to; !st && from < set->n; from = to) {
        for (to = from + 1; to < set->n && !strcmp(set->keys[from].id, set->keys[to].id) &&
                            !strcmp(set->keys[from].task, set->keys[to].task);) to++;
        leave_out(set, from, to, out);
    }
    for (size_t i = 0; !st && i < set->n; i++)
        if (!out[i]) {
            set->items[kept] = set->items[i];
            set->files[kept++] = set->files[i];
        }
    free(out);
    if (st || kept == set->n) return st;
    set->n = kept;
    return make_keys(set, err);
}

/* The first key with this id. */
static size_t lower_bound(const thx_eval_set *set, const char *id)
{
    size_t low = 0, high = set->n_keys;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (strcmp(set->keys[mid].id, id) < 0) low = mid + 1;
        else high = mid;
    }
    return low;
}

const thx_eval_item *thx_eval_set_find(const thx_eval_set *set, const char *task, const char *id)
{
    for (size_t i = lower_bound(set, id); i < set->n_keys && !strcmp(set->keys[i].id, id); i++)
        if (!*task || !*set->keys[i].task || !strcmp(set->keys[i].task, task)) return &set->items[set->keys[i].at];
    return NULL;
}

/* ---- Attaching references ---- */

/* Records by image and task; as the file has it, and joined to the folder. */
static thorax_status add_images(thx_eval_set *images, const thx_eval_set *records, const char *folder,
                                thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < records->n; i++) {
        thx_eval_item key = { .id = records->items[i].image, .task = records->items[i].task, .line = i };
        if (!key.id) continue;
        st = thx_eval_set_add(images, "", &key, err);
        if (st || !folder || *key.id == '/') continue;
        char *path = thx_path_join(folder, records->items[i].image);
        key.id = path;
        st = path ? thx_eval_set_add(images, "", &key, err) : thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
        free(path);
    }
    return st ? st : thx_eval_set_index(images, err);
}

/* The index of the record of a prediction; records->n when there is none. */
static size_t record_of(const thx_eval_item *item, const thx_eval_set *records, const thx_eval_set *images)
{
    const thx_eval_item *found = thx_eval_set_find(records, item->task, item->id);

    if (found) return (size_t)(found - records->items);
    const thx_eval_item *key = item->image ? thx_eval_set_find(images, item->task, item->image) : NULL;
    return key ? key->line : records->n;
}

static void fill(thx_eval_item *item, const thx_eval_item *record)
{
    if (!*item->task) item->task = record->task;
    if (!item->reference) item->reference = record->reference;
    if (!item->question) item->question = record->question;
    if (!item->phrase) item->phrase = record->phrase;
    if (!item->image) item->image = record->image;
    if (!item->n_turns) {
        item->turns = record->turns;
        item->n_turns = record->n_turns;
    }
    if (!item->has_labels) {
        item->has_labels = record->has_labels;
        memcpy(item->labels, record->labels, sizeof item->labels);
    }
    if (!item->has_boxes) {
        item->has_boxes = record->has_boxes;
        item->boxes = record->boxes;
        item->n_boxes = record->n_boxes;
    }
    item->id = record->id;
}

static bool has_task(const thx_eval_set *set, const char *task)
{
    for (size_t i = 0; i < set->n; i++)
        if (!strcmp(set->items[i].task, task)) return true;
    return false;
}

static thorax_status attach(thx_eval_set *set, const thx_eval_set *records, const thx_eval_set *images, bool *used,
                            thorax_error *err)
{
    for (size_t i = 0; i < set->n; i++) {
        thx_eval_item *item = &set->items[i];
        const size_t at = record_of(item, records, images);

        if (at == records->n) {
            thx_eval_note(&set->problems, &set->problems.unmatched, set->files[i], item->line,
                          "no record with this id or image");
            continue;
        }
        used[at] = true;
        fill(item, &records->items[at]);
        if (!copy_item(set->arena, item)) return thx_fail(err, THORAX_NOMEM, 0, "no memory for references");
    }
    for (size_t i = 0; i < records->n; i++)
        if (!used[i] && has_task(set, records->items[i].task))
            thx_eval_note(&set->problems, &set->problems.unmatched, records->files[i], records->items[i].line,
                          "no prediction");
    return thx_eval_set_index(set, err);
}

thorax_status thx_eval_set_attach(thx_eval_set *set, const thx_eval_set *records, const char *folder, thorax_error *err)
{
    thx_eval_set images;
    bool *used = calloc(records->n + 1, sizeof *used);
    thorax_status st = thx_eval_set_init(&images, err);

    if (!st && !used) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu records", records->n);
    if (!st) st = add_images(&images, records, folder, err);
    if (!st) st = attach(set, records, &images, used, err);
    thx_eval_set_deinit(&images);
    free(used);
    return st;
}
