/* Reading answers: findings and boxes from a text into a result; see tasks.h. */
#include "tasks/tasks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOXES_MAX = 256 }; /* of one answer; what comes after is not read */

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

char *thx_text_strip(const char *text, size_t size)
{
    while (size && is_blank(*text)) text++, size--;
    while (size && is_blank(text[size - 1])) size--;
    char *copy = malloc(size + 1);
    if (!copy) return NULL;
    if (size) memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

void thx_result_read_findings(thx_result *r, const char *text, bool substring_rule)
{
    thx_presence present[THX_FINDINGS];

    if (substring_rule) thx_findings_substring(present, text);
    else thx_findings_parse(present, text);
    for (size_t i = 0; i < THX_FINDINGS; i++)
        r->findings[i] = (thorax_finding){ .name = thx_finding_names[i],
                                           .present = (int)present[i],
                                           .score = NAN };
    r->n_findings = THX_FINDINGS;
}

/* Keeps a copy of a label with the result; NULL when memory runs out. */
static const char *keep_label(thx_result *r, const char *label)
{
    char **grown = realloc(r->labels, (r->n_labels + 1) * sizeof *grown);

    if (!grown) return NULL;
    r->labels = grown;
    char *copy = strdup(label);
    if (copy) r->labels[r->n_labels++] = copy;
    return copy;
}

static const char *numbered_label(thx_result *r, size_t number)
{
    char text[32];

    snprintf(text, sizeof text, "box %zu", number);
    return keep_label(r, text);
}

thorax_status thx_result_read_boxes(thx_result *r, const char *text, const char *label,
                                    thorax_error *err)
{
    thx_box found[BOXES_MAX];
    const size_t n = thx_boxes_parse(found, BOXES_MAX, text, false);
    const size_t kept = n < BOXES_MAX ? n : BOXES_MAX;

    if (!kept) return THORAX_OK;
    thorax_labelled_box *grown = realloc(r->boxes, (r->n_boxes + kept) * sizeof *grown);
    if (!grown) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu boxes", kept);
    r->boxes = grown;
    const char *shared = label ? keep_label(r, label) : NULL;
    for (size_t i = 0; i < kept; i++) {
        const char *name = label ? shared : numbered_label(r, r->n_boxes + 1);
        if (!name) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the label of a box");
        r->boxes[r->n_boxes++] =
            (thorax_labelled_box){ name, found[i].x1, found[i].y1, found[i].x2, found[i].y2 };
    }
    return THORAX_OK;
}

/* Words of a phrase; white space parts them. */
static size_t count_words(const char *text)
{
    size_t n = 0;

    for (bool inside = false; *text; text++) {
        if (!is_blank(*text) && !inside) n++;
        inside = !is_blank(*text);
    }
    return n;
}

thx_task thx_ground_task(const char *phrase, thorax_ground_kind kind)
{
    if (kind == THORAX_GROUND_REGION) return THX_TASK_GROUND_REGION;
    if (kind == THORAX_GROUND_PHRASE) return THX_TASK_GROUND_PHRASE;
    size_t size = strlen(phrase);
    while (size && is_blank(phrase[size - 1])) size--;
    const bool sentence = count_words(phrase) >= 4 || (size && phrase[size - 1] == '.');
    return sentence ? THX_TASK_GROUND_PHRASE : THX_TASK_GROUND_REGION;
}
