/* Phantoms as files and as JSON: pictures, and one record a line for each thing said of them.
 *
 * The records are those of evaluation and training: id, image, task, question, answer or
 * conversation, labels, boxes, split. Writing is resumable: pictures that are there stay. */
#include "synth/phantom.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/string.h"
#include "film/film.h"
#include "synth/phantom_paint.h"
#include "synth/phantom_text.h"

static const char *const task_names[] = { "report", "classify", "ground", "ground", "phrase", "ask" };

static double rounded(float v) /* six places say a pixel of any film, and print short */
{
    return (double)(long)((double)v * 1e6 + 0.5) / 1e6;
}

static json_t *box_json(const char *label, const thx_phantom_box *b)
{
    return json_pack("{s:s, s:[f,f,f,f]}", "label", label, "box", rounded(b->x1), rounded(b->y1), rounded(b->x2), rounded(b->y2));
}

static json_t *labels_json(const thx_phantom *film)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < film->n_findings; i++)
        if (json_array_append_new(list, json_string(thx_phantom_label_name(film->findings[i].label)))) break;
    return list;
}

static json_t *regions_json(const thx_phantom *film)
{
    json_t *list = json_array();

    for (int i = 0; film->is_film && i < THX_PHANTOM_REGIONS; i++)
        if (json_array_append_new(list, box_json(thx_phantom_region_name((thx_phantom_region)i), &film->regions[i]))) break;
    return list;
}

static json_t *findings_json(const thx_phantom *film)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < film->n_findings; i++)
        for (unsigned k = 0; k < film->findings[i].n_boxes; k++)
            if (json_array_append_new(list, box_json(thx_phantom_label_name(film->findings[i].label), &film->findings[i].boxes[k]))) break;
    return list;
}

static json_t *turn_boxes_json(const phantom_turn *turn)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < turn->n_boxes; i++)
        if (json_array_append_new(list, box_json(turn->name, &turn->boxes[i]))) break;
    return list;
}

char *thx_phantom_texts(const thx_phantom *film, uint64_t draw)
{
    phantom_turns turns;
    json_t       *list = json_array();
    bool          ok = phantom_turns_init(&turns, film, draw);

    for (size_t i = 0; i < turns.n && ok; i++) {
        const phantom_turn *t = &turns.turns[i];
        json_t             *turn = json_pack("{s:s, s:s, s:s}", "task", task_names[t->task], "question", t->question.data, "answer", t->answer.data);

        if (turn && t->name) json_object_set_new(turn, "label", json_string(t->name));
        ok = !json_array_append_new(list, turn);
    }
    phantom_turns_deinit(&turns);

    json_t *all = json_pack("{s:b, s:o, s:o, s:o, s:o}", "film", film->is_film, "labels", labels_json(film), "regions", regions_json(film),
                            "boxes", findings_json(film), "turns", list);
    char   *text = ok && all ? json_dumps(all, JSON_COMPACT) : NULL;

    json_decref(all);
    return text;
}

/* ---- Records ------------------------------------------------------------- */
typedef struct record_place { const char *id, *image, *split; const thx_phantom *film; thx_string *out; } record_place;

/* Ends a record: adds what all have, appends it as one line. Takes `record`. */
static bool add_record(const record_place *p, json_t *record, const char *task, size_t number, json_t *boxes)
{
    char  id[160];
    char *line = NULL;

    snprintf(id, sizeof id, "%s-%zu", p->id, number);
    if (record && !json_object_set_new(record, "id", json_string(id)) && !json_object_set_new(record, "image", json_string(p->image)) &&
        !json_object_set_new(record, "task", json_string(task)) && !json_object_set_new(record, "labels", labels_json(p->film)) &&
        !json_object_set_new(record, "boxes", boxes) && (!p->split || !json_object_set_new(record, "split", json_string(p->split))))
        line = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(record);
    if (!line) return false;
    thx_string_puts(p->out, line);
    thx_string_puts(p->out, "\n");
    free(line);
    return !p->out->failed;
}

static int add_message(json_t *conversation, const char *role, const char *content)
{
    return json_array_append_new(conversation, json_pack("{s:s, s:s}", "role", role, "content", content));
}

/* One conversation: a first turn, then follow-ups, in an order of this film's own. */
static bool add_conversation(const record_place *p, const phantom_turns *turns, size_t number)
{
    phantom_random r = { p->film->words ^ 0xC0FFEEu };
    json_t        *conversation = json_array();
    const size_t   want = 3 + phantom_below(&r, 3);
    size_t         at = phantom_below(&r, 2);
    bool           ok = true;

    for (size_t i = 0; i < want && ok; i++) {
        const phantom_turn *t = &turns->turns[at];

        ok = !add_message(conversation, "user", t->question.data) && !add_message(conversation, "assistant", t->answer.data);
        at = 2 + (at + 1 + phantom_below(&r, (unsigned)turns->n - 4)) % (turns->n - 2);
    }
    if (!ok) json_decref(conversation);
    return ok && add_record(p, json_pack("{s:o}", "conversation", conversation), "conversation", number, findings_json(p->film));
}

static bool add_records(const record_place *p)
{
    phantom_turns turns;
    bool          ok = phantom_turns_init(&turns, p->film, 0);
    size_t        number = 0;

    for (size_t i = 0; i < turns.n && ok; i++) {
        const phantom_turn *t = &turns.turns[i];
        json_t             *boxes = t->task == PHANTOM_REPORT || t->task == PHANTOM_CLASSIFY ? findings_json(p->film) : turn_boxes_json(t);

        const char *label = t->task == PHANTOM_REGION || t->task == PHANTOM_ABNORMALITY ? t->name : NULL;

        ok = add_record(p, json_pack("{s:s, s:s, s:s*}", "question", t->question.data, "answer", t->answer.data, "label", label),
                        task_names[t->task], number++, boxes);
    }
    ok = ok && add_conversation(p, &turns, number);
    phantom_turns_deinit(&turns);
    return ok;
}

static thorax_status write_picture(const thx_phantom *film, const char *path, unsigned bits, thorax_error *err)
{
    const size_t n = film->width * film->height;

    if (bits == 16) return thx_png_write_grey16(film->pixels, (uint32_t)film->width, (uint32_t)film->height, path, err);

    thx_picture picture = { .width = (uint32_t)film->width, .height = (uint32_t)film->height, .channels = 1, .data = malloc(n) };

    if (!picture.data) return thx_fail(err, THORAX_NOMEM, 0, "%s: picture of %zu pixels", path, n);
    for (size_t i = 0; i < n; i++) picture.data[i] = (unsigned char)((film->pixels[i] * 255u + 32767u) / 65535u);
    const thorax_status st = thx_picture_write_png(&picture, path, err);
    free(picture.data);
    return st;
}

/* One film: its picture, where it is not there yet, and its records. */
static thorax_status write_film(uint64_t seed, uint64_t index, const char *folder, const thx_phantom_options *o, thx_string *records, thorax_error *err)
{
    char          id[96], name[112];
    thx_phantom   film;
    thorax_status st = thx_phantom_draw(&film, seed, index, o, err);

    if (st) return st;
    snprintf(id, sizeof id, "phantom-%llu-%06llu", (unsigned long long)seed, (unsigned long long)index);
    snprintf(name, sizeof name, "%s.png", id);
    char *path = thx_path_join(folder, name);

    if (!path) st = thx_fail(err, THORAX_NOMEM, 0, "%s: name of a film", folder);
    else if (!thx_file_exists(path)) st = write_picture(&film, path, o->bits, err);
    if (!st && !add_records(&(record_place){ id, name, o->split, &film, records })) st = thx_fail(err, THORAX_NOMEM, 0, "%s: records", folder);
    free(path);
    thx_phantom_deinit(&film);
    return st;
}

thorax_status thx_phantom_write(uint64_t seed, size_t count, const char *folder, const thx_phantom_options *options,
                                const thx_progress *progress, thorax_error *err)
{
    const thx_phantom_options o = options ? *options : thx_phantom_options_default();
    thx_string                records = { 0 };

    if (o.bits != 8 && o.bits != 16) return thx_fail(err, THORAX_USAGE, 0, "phantom films have 8 or 16 bits, not %u", o.bits);
    if (!(o.not_films >= 0.0 && o.not_films <= 1.0)) return thx_fail(err, THORAX_USAGE, 0, "the share of pictures that are no films is 0 to 1, not %g", o.not_films);

    thorax_status st = thx_folder_make(folder, err);

    for (size_t i = 0; i < count && !st; i++) {
        if (!thx_progress_step(progress, "films", i, count)) st = thx_fail(err, THORAX_CANCELLED, 0, "%s: stopped after %zu of %zu films", folder, i, count);
        else st = write_film(seed, i, folder, &o, &records, err);
    }
    char *path = st ? NULL : thx_path_join(folder, "records.jsonl");

    if (!st && !path) st = thx_fail(err, THORAX_NOMEM, 0, "%s: name of the records", folder);
    if (!st) st = thx_file_write(path, records.data ? records.data : "", records.size, err);
    if (!st) thx_progress_step(progress, "films", count, count);
    free(path);
    thx_string_deinit(&records);
    return st;
}
