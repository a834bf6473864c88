/* Records as JSON: one object a line, or the objects of one array. Each object's text is cut out first and parsed
 * alone, so that a broken one costs itself only and no file is held as a whole. See records.h.
 *
 * Keys of an object, the first that is there counts:
 *   id          id, idx; film.path where there is a film
 *   image       image, img_path, film.path
 *   prediction  prediction, output; text where there is a film (lines of `thorax batch`)
 *   reference   reference, txt, answer
 *   phrase      phrase, label
 *   labels      labels: names, or an object {name: 1, 0, -1, NaN}
 *   boxes       boxes: [x1, y1, x2, y2] or {"label", "box", "score"}; of a line of `thorax batch` the prediction's
 *   besides     predicted_boxes, findings [{"name", "present", "score"}], scores {name: number}, conversation, answers,
 *               error */
#include "eval/records_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OBJECT_BYTES = 64 << 20, TURNS_MAX = 4096 };

/* ---- Texts that Python wrote ---- */

static size_t token_at(const char *text, size_t left)
{
    static const char *const tokens[] = { "NaN", "Infinity", "-Infinity" };

    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        const size_t n = strlen(tokens[i]);
        if (left >= n && !memcmp(text, tokens[i], n)) return n;
    }
    return 0;
}

/* Appends the text with null in place of NaN and infinities; returns how many there were. */
static size_t without_nan(thx_string *out, const char *text, size_t size)
{
    size_t from = 0, count = 0;
    bool quoted = false;

    for (size_t i = 0; i < size; i++) {
        size_t n;
        if (quoted && text[i] == '\\') i++;
        else if (text[i] == '"') quoted = !quoted;
        else if (!quoted && (text[i] == 'N' || text[i] == 'I' || text[i] == '-') &&
                 (n = token_at(text + i, size - i))) {
            thx_string_add(out, text + from, i - from);
            thx_string_puts(out, "null");
            i += n - 1;
            from = i + 1;
            count++;
        }
    }
    if (count) thx_string_add(out, text + from, size - from);
    return count;
}

static json_t *parse(eval_reader *r, const char *text, size_t size, json_error_t *why)
{
    thx_string plain = { 0 };
    const size_t absent = without_nan(&plain, text, size);

    r->problems->values += absent;
    json_t *json =
        absent ? plain.failed ? NULL : json_loadb(plain.data, plain.size, 0, why) : json_loadb(text, size, 0, why);
    thx_string_deinit(&plain);
    return json;
}

/* ---- Members ---- */

static const char *text_of(const json_t *object, const char *const *keys)
{
    for (; *keys; keys++) {
        const char *text = json_string_value(json_object_get(object, *keys));
        if (text) return text;
    }
    return NULL;
}

#define TEXT_OF(object, ...) text_of(object, (const char *const[]){ __VA_ARGS__, NULL })

static void read_id(eval_reader *r, thx_eval_item *item, const json_t *object)
{
    static const char *const keys[] = { "id", "idx" };
    char digits[40];

    for (size_t i = 0; i < 2; i++) {
        const json_t *id = json_object_get(object, keys[i]);
        if (json_is_string(id) && json_string_length(id)) item->id = json_string_value(id);
        else if (json_is_number(id)) { /* 7.0, as tables with gaps have it, is 7 */
            if (json_is_integer(id)) snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(id));
            else snprintf(digits, sizeof digits, "%.17g", json_real_value(id));
            char *copy = thx_arena_strdup(r->arena, digits);
            if (copy) item->id = copy;
        } else continue;
        return;
    }
    const char *path = TEXT_OF(json_object_get(object, "film"), "path");
    if (path) item->id = path;
}

static double number_of(const json_t *value)
{
    return json_is_number(value) && isfinite(json_number_value(value)) ? json_number_value(value) : NAN;
}

/* A value that is neither a number, a truth value nor absent. */
static bool is_no_number(const json_t *value)
{
    return value && !json_is_null(value) && !json_is_number(value) && !json_is_boolean(value);
}

static void read_labels(eval_reader *r, thx_eval_item *item, json_t *labels)
{
    const char *key;
    json_t *value;
    size_t i;

    if (!labels || json_is_null(labels)) return;
    if (!json_is_array(labels) && !json_is_object(labels)) {
        thx_eval_note(r->problems, &r->problems->labels, r->path, item->line,
                      "labels that are neither a list nor an object");
        return;
    }
    item->has_labels = true;
    json_array_foreach(labels, i, value) {
        const char *name = json_string_value(value);
        eval_set_label(r, item->labels, name ? name : "", THX_EVAL_YES, item->line);
    }
    if (!json_is_object(labels)) return;
    json_object_foreach(labels, key, value) {
        if (is_no_number(value))
            thx_eval_note(r->problems, &r->problems->labels, r->path, item->line, "a label whose value is no number");
        else eval_set_label(r, item->labels, key, json_is_boolean(value) ? (thx_eval_mention)json_is_true(value)
                            : eval_mention_of(number_of(value)), item->line);
    }
}

static bool read_corners(double out[4], const json_t *corners)
{
    for (size_t i = 0; i < 4; i++) {
        const json_t *value = json_array_get(corners, i);
        if (!json_is_number(value)) return false;
        out[i] = json_number_value(value);
    }
    return json_array_size(corners) == 4;
}

/* The boxes of a list, into the arena; false when memory runs out. */
static bool read_boxes(eval_reader *r, const json_t *list, size_t line, const thx_eval_box **out, size_t *n)
{
    const size_t all = json_array_size(list);
    thx_eval_box *boxes = all ? thx_arena_alloc(r->arena, all, sizeof *boxes) : NULL;

    *n = 0;
    *out = boxes;
    for (size_t i = 0; boxes && i < all; i++) {
        const json_t *box = json_array_get(list, i);
        const char *label = json_string_value(json_object_get(box, "label"));
        double c[4];

        if (!read_corners(c, json_is_object(box) ? json_object_get(box, "box") : box)) {
            thx_eval_note(r->problems, &r->problems->boxes, r->path, line, "a box that is not four numbers");
            continue;
        }
        boxes[(*n)++] =
            (thx_eval_box){ c[0], c[1], c[2], c[3], number_of(json_object_get(box, "score")), label ? label : "" };
        eval_check_box(r, &boxes[*n - 1], line);
    }
    return boxes || !all;
}

static void note_no_list(eval_reader *r, const thx_eval_item *item, const json_t *boxes)
{
    if (boxes && !json_is_null(boxes) && !json_is_array(boxes))
        thx_eval_note(r->problems, &r->problems->boxes, r->path, item->line, "boxes that are no list");
}

static bool read_all_boxes(eval_reader *r, thx_eval_item *item, const json_t *object, bool answered)
{
    const json_t *boxes = json_object_get(object, "boxes"), *found = json_object_get(object, "predicted_boxes");
    bool ok = true;

    if (answered && !found) {
        found = boxes;
        boxes = NULL;
    }
    note_no_list(r, item, boxes);
    note_no_list(r, item, found);
    if (json_is_array(boxes)) {
        item->has_boxes = true;
        ok = read_boxes(r, boxes, item->line, &item->boxes, &item->n_boxes);
    }
    if (json_is_array(found)) {
        item->has_found = true;
        ok = read_boxes(r, found, item->line, &item->found, &item->n_found) && ok;
    }
    return ok;
}

static void set_score(eval_reader *r, thx_eval_item *item, const char *name, const json_t *value)
{
    const int i = thx_eval_finding(name);

    if (i < 0)
        thx_eval_note(r->problems, &r->problems->labels, r->path, item->line,
                      "a score of what is not one of the 14 findings");
    else if (value && !json_is_null(value) && !json_is_number(value))
        thx_eval_note(r->problems, &r->problems->labels, r->path, item->line, "a score that is no number");
    else if (!isnan(number_of(value))) {
        item->scores[i] = number_of(value);
        item->has_scores = true;
    }
}

static void read_findings(eval_reader *r, thx_eval_item *item, json_t *object)
{
    json_t *list = json_object_get(object, "findings"), *value;
    const char *key;
    size_t i;

    json_array_foreach(list, i, value) {
        const char *name = json_string_value(json_object_get(value, "name"));
        const json_t *present = json_object_get(value, "present"), *score = json_object_get(value, "score");
        item->has_findings = true;
        eval_set_label(r, item->findings, name ? name : "",
                       json_is_boolean(present) ? (thx_eval_mention)json_is_true(present) : THX_EVAL_BLANK, item->line);
        if (name && json_is_number(score)) set_score(r, item, name, score);
    }
    json_t *scores = json_object_get(object, "scores");
    if (json_is_object(scores))
        json_object_foreach(scores, key, value) set_score(r, item, key, value);
}

static bool read_turns(eval_reader *r, thx_eval_item *item, const json_t *list)
{
    const size_t n = json_array_size(list) < TURNS_MAX ? json_array_size(list) : TURNS_MAX;
    thx_message *turns = n ? thx_arena_alloc(r->arena, n, sizeof *turns) : NULL;

    for (size_t i = 0; turns && i < n; i++) {
        turns[i].role = TEXT_OF(json_array_get(list, i), "role");
        turns[i].content = TEXT_OF(json_array_get(list, i), "content");
        if (turns[i].role && turns[i].content) continue;
        thx_eval_note(r->problems, &r->problems->lines, r->path, item->line, "turn %zu is not {\"role\", \"content\"}",
                      i + 1);
        return true;
    }
    item->turns = turns;
    item->n_turns = n;
    return turns || !n;
}

/* The model's answers of a conversation; what is no text is an empty one. */
static bool read_answers(eval_reader *r, thx_eval_item *item, const json_t *list)
{
    const size_t n = json_array_size(list) < TURNS_MAX ? json_array_size(list) : TURNS_MAX;
    const char **answers = n ? thx_arena_alloc(r->arena, n, sizeof *answers) : NULL;

    for (size_t i = 0; answers && i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        answers[i] = text ? text : "";
    }
    item->answers = answers;
    item->n_answers = answers ? n : 0;
    return answers || !n;
}

/* ---- One object ---- */

static thorax_status read_members(eval_reader *r, thx_eval_item *item, json_t *object, thorax_error *err)
{
    const json_t *film = json_object_get(object, "film");
    const bool answered = json_is_object(film); /* a line of `thorax batch` */
    const char *chosen = r->reading->predictions;

    read_id(r, item, object);
    item->image = TEXT_OF(object, "image", "img_path");
    if (!item->image) item->image = TEXT_OF(film, "path");
    if (TEXT_OF(object, "task")) item->task = TEXT_OF(object, "task");
    item->question = TEXT_OF(object, "question", "instr");
    item->phrase = TEXT_OF(object, "phrase", "label");
    item->prediction = chosen ? TEXT_OF(object, chosen) : TEXT_OF(object, "prediction", "output");
    if (!item->prediction && !chosen && answered) item->prediction = TEXT_OF(object, "text");
    item->reference = TEXT_OF(object, "reference", "txt", "answer");
    item->failed = json_is_object(json_object_get(object, "error"));
    read_labels(r, item, json_object_get(object, "labels"));
    read_findings(r, item, object);
    if (read_all_boxes(r, item, object, answered) && read_turns(r, item, json_object_get(object, "conversation")) &&
        read_answers(r, item, json_object_get(object, "answers")))
        return THORAX_OK;
    return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for line %zu", r->path, item->line);
}

thorax_status eval_read_object(eval_reader *r, const char *text, size_t size, size_t line, thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(r->arena);
    json_error_t why = { .text = "" };
    thx_eval_item item;

    thorax_status st = eval_item_init(r, &item, line, err);
    if (st) return st;
    json_t *object = size <= OBJECT_BYTES ? parse(r, text, size, &why) : NULL;
    if (json_is_object(object)) {
        st = read_members(r, &item, object, err);
        if (!st) st = eval_item_give(r, &item, err);
    } else if (size > OBJECT_BYTES) {
        thx_eval_note(r->problems, &r->problems->lines, r->path, line, "longer than %d MiB", OBJECT_BYTES >> 20);
    } else {
        thx_eval_note(r->problems, &r->problems->lines, r->path, line, object ? "not a JSON object" : "not JSON");
    }
    json_decref(object);
    thx_arena_release(r->arena, mark);
    return st;
}

/* ---- Files ---- */

static bool is_blank(const char *text, size_t size)
{
    while (size && (*text == ' ' || *text == '\t' || *text == '\r')) text++, size--;
    return !size;
}

thorax_status eval_read_jsonl(eval_reader *r, thorax_error *err)
{
    const char *at = r->text, *end = r->text + r->size;
    thorax_status st = THORAX_OK;

    for (size_t line = 1; !st && at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t size = (size_t)((stop ? stop : end) - at);
        if (!is_blank(at, size)) st = eval_read_object(r, at, size, line, err);
        at = stop ? stop + 1 : end;
    }
    return st;
}

/* The end of the value that begins at `at`: behind its last bracket, or before a comma or bracket of the array. */
static const char *value_end(const char *at, const char *end)
{
    size_t depth = 0;
    bool quoted = false;

    for (; at < end; at++) {
        if (quoted && *at == '\\') at++;
        else if (*at == '"') quoted = !quoted;
        else if (quoted) continue;
        else if (*at == '[' || *at == '{') depth++;
        else if ((*at == ']' || *at == '}') && depth && !--depth) return at + 1;
        else if (!depth && (*at == ',' || *at == ']' || *at == '}')) return at;
    }
    return end;
}

static size_t count_lines(const char *from, const char *to)
{
    size_t n = 0;

    while (from < to && (from = memchr(from, '\n', (size_t)(to - from)))) from++, n++;
    return n;
}

static bool is_between(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ','; }

thorax_status eval_read_array(eval_reader *r, thorax_error *err)
{
    const char *at = r->text, *end = r->text + r->size;
    thorax_status st = THORAX_OK;
    size_t line = 1;

    for (; at < end && *at != '['; at++) line += *at == '\n';
    if (at < end) at++;
    while (!st && at < end) {
        for (; at < end && is_between(*at); at++) line += *at == '\n';
        if (at == end || *at == ']') break;
        const char *stop = value_end(at, end);
        if (stop == at) stop++; /* a bracket that closes nothing */
        if (stop > end) stop = end;
        st = eval_read_object(r, at, (size_t)(stop - at), line, err);
        line += count_lines(at, stop);
        at = stop;
    }
    if (!st && at == end) thx_eval_note(r->problems, &r->problems->lines, r->path, line, "the array does not end");
    return st;
}
