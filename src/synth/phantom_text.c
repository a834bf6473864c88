/* What is said about a phantom: report, questions, answers, all from the one truth.
 *
 * Questions are those of the published lists (RadVLM's training), so that a model that has
 * learned from phantoms is asked by the program in words it knows. Answers keep one form
 * each; boxes are printed as the published answers print them. */
#include "synth/phantom_text.h"

#include <ctype.h>
#include <string.h>

#include "synth/phantom_paint.h"
#include "text/text.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *const report_questions[] = {
    "Provide a radiology report for this Chest X-Ray.", "Analyze the Chest X-Ray and report your findings.",
    "Please give a detailed radiology report from this Chest X-Ray image.", "Please offer a detailed analysis based on this image.",
    "Analyze this image and provide a report.", "Write a radiology report for this Chest X-ray.", "Draft a concise report for this image.",
    "Please provide a brief radiology report.", "Compose a radiology report focusing on key findings.",
    "Create a structured radiology report for this X-ray.", "Produce a summary radiology report for this chest image.",
    "Provide a radiology report for this exam.", "Write a report summarizing this Chest X-ray.",
    "Draft a simple radiology report for these findings.", "Outline a radiology report for this X-ray." };

static const char *const classify_questions[] = {
    "Can you tell me if there are any abnormalities on this image?", "Are there any abnormalities on this Chest X-ray?",
    "Please identify abnormalities on this X-ray.", "Can you point out if there are any abnormalities on this Chest X-ray?",
    "Are there abnormalities on this Chest X-ray?", "Tell me about abnormalities on this image",
    "Do any abnormalities appear on this Chest X-ray?", "Identify abnormalities on this image",
    "Could you indicate if there are any lesions on this Chest X-ray?", "Are there any abnormalities present on this image?",
    "Please identify the abnormalities from this image." };

static const char *const ground_questions[] = { /* the name goes between the two parts */
    "Where is the |%s| located in this Chest X-ray?", "Can you point out the |%s|'s position on the image?",
    "What's the location of the |%s| in the X-ray?", "Identify where the |%s| is on this Chest X-ray, please.",
    "Where exactly is the |%s| found on this image?", "Could you specify where to find the |%s| on this X-ray?",
    "Highlight the |%s|'s area on the image.", "Show me the |%s|'s location on this CXR.",
    "Where should I look to find the |%s| in this image?", "Can you locate the |%s| on this X-ray for me?",
    "Please point to the |%s| on this Chest X-ray.", "Indicate the position of the |%s| on this image.",
    "Describe the location of the |%s| on the X-ray.", "Where on this image is the |%s| located?",
    "Point out the exact location of the |%s| in the Chest X-ray.", "How can I identify the |%s| on this image?",
    "Where is the |%s| situated in this CXR?", "Can you highlight the |%s| on this image?",
    "Indicate where the |%s| is found on this X-ray.", "Describe where to find the |%s| on this Chest X-ray." };

static const char *const phrase_questions[] = {
    "Please locate the following sentence: |%s|", "Identify the position of the following phrase in the CXR: |%s|",
    "Please show me the location of: |%s|", "Highlight the area of the following observation on the image: |%s|",
    "Where on the image can you see the following observation: |%s|", "Find the region corresponding to: |%s|",
    "Please indicate where this finding is located: |%s|", "Mark the area where you observe: |%s|" };

static const char *const sides[] = { "right", "left", "bilateral", "" };
static const char *const zones[] = { "upper zone", "mid zone", "lower zone", "" };
static const char *const devices[] = { "endotracheal tube", "nasogastric tube", "central venous line", "pacemaker" };
static const char no_film[] = "This image is not a chest X-ray.";

#define NAME(name, text) text,
static const char *const label_names[] = { THX_PHANTOM_LABEL_LIST(NAME) };
static const char *const region_names[] = { THX_PHANTOM_REGION_LIST(NAME) };
#undef NAME

const char *thx_phantom_label_name(thx_phantom_label label) { return label_names[label]; }
const char *thx_phantom_region_name(thx_phantom_region region) { return region_names[region]; }

static void add_lower(thx_string *out, const char *text)
{
    for (; *text; text++) {
        const char c = (char)tolower((unsigned char)*text);

        thx_string_add(out, &c, 1);
    }
}

/* A question of a list with `name` in lower case at its place "|%s|". */
static void add_question(thx_string *out, const char *form, const char *name)
{
    const char *at = strstr(form, "|%s|");

    thx_string_add(out, form, (size_t)(at - form));
    add_lower(out, name);
    thx_string_puts(out, at + 4);
}

static const thx_phantom_finding *find(const thx_phantom *film, thx_phantom_label label)
{
    for (unsigned i = 0; i < film->n_findings; i++)
        if (film->findings[i].label == label) return &film->findings[i];
    return NULL;
}

static void add_boxes(thx_string *out, const thx_phantom_box *boxes, unsigned n)
{
    thx_box b[2];

    for (unsigned i = 0; i < n; i++) b[i] = (thx_box){ boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2 };
    thx_boxes_print(out, b, n);
}

/* The finding as a phrase without an article: "small left pleural effusion". */
static void add_phrase(thx_string *out, const thx_phantom_finding *f)
{
    const char *size = f->large ? "large" : "small";

    switch (f->label) {
    case THX_PHANTOM_EFFUSION:
        thx_string_printf(out, "%s %s pleural effusion%s", size, sides[f->side], f->side == THX_PHANTOM_BOTH ? "s" : "");
        break;
    case THX_PHANTOM_PNEUMOTHORAX: thx_string_printf(out, "%s %s pneumothorax", size, sides[f->side]); break;
    case THX_PHANTOM_EDEMA:        thx_string_puts(out, "bilateral perihilar edema"); break;
    case THX_PHANTOM_CARDIOMEGALY: thx_string_puts(out, "cardiomegaly"); break;
    case THX_PHANTOM_DEVICES:
        thx_string_printf(out, "%s", devices[f->device[0]]);
        if (f->n_boxes == 2) thx_string_printf(out, " and %s", devices[f->device[1]]);
        break;
    default:
        add_lower(out, label_names[f->label]);
        thx_string_printf(out, " in the %s %s", sides[f->side], zones[f->zone]);
    }
}

static void add_sentence(thx_string *out, const thx_phantom_finding *f)
{
    switch (f->label) {
    case THX_PHANTOM_CARDIOMEGALY: thx_string_puts(out, "The heart is enlarged, consistent with cardiomegaly."); return;
    case THX_PHANTOM_DEVICES:      thx_string_puts(out, "Support devices: "); break;
    case THX_PHANTOM_EFFUSION:     thx_string_puts(out, f->side == THX_PHANTOM_BOTH ? "There are " : "There is a "); break;
    case THX_PHANTOM_PNEUMOTHORAX: thx_string_puts(out, "There is a "); break;
    case THX_PHANTOM_LESION:       thx_string_puts(out, "There is a "); break;
    default:                       thx_string_puts(out, "There is "); break;
    }
    add_phrase(out, f);
    thx_string_puts(out, f->label == THX_PHANTOM_DEVICES ? " in place." : ".");
}

/* Heart, lungs, pleura, devices; what is not there is said of the heart, the lungs and the pleura. */
static void add_report(thx_string *out, const thx_phantom *film)
{
    static const thx_phantom_label lungs[] = { THX_PHANTOM_ATELECTASIS, THX_PHANTOM_CONSOLIDATION, THX_PHANTOM_EDEMA, THX_PHANTOM_LESION };
    static const thx_phantom_label pleura[] = { THX_PHANTOM_EFFUSION, THX_PHANTOM_PNEUMOTHORAX };
    const thx_phantom_finding *heart = find(film, THX_PHANTOM_CARDIOMEGALY), *device = find(film, THX_PHANTOM_DEVICES);
    const thx_phantom_finding *fluid = find(film, pleura[0]), *air = find(film, pleura[1]);
    bool                       clear = !fluid && !air;

    if (heart) add_sentence(out, heart);
    else thx_string_puts(out, "The heart size is normal.");
    for (size_t i = 0; i < COUNT(lungs); i++) {
        const thx_phantom_finding *f = find(film, lungs[i]);

        if (!f) continue;
        thx_string_puts(out, " ");
        add_sentence(out, f);
        clear = false;
    }
    if (clear) thx_string_puts(out, " The lungs are clear.");
    for (size_t i = 0; i < COUNT(pleura); i++) {
        const thx_phantom_finding *f = find(film, pleura[i]);

        if (!f) continue;
        thx_string_puts(out, " ");
        add_sentence(out, f);
    }
    if (!fluid && !air) thx_string_puts(out, " There is no pleural effusion or pneumothorax.");
    else if (!fluid) thx_string_puts(out, " There is no pleural effusion.");
    else if (!air) thx_string_puts(out, " There is no pneumothorax.");
    if (!device) return;
    thx_string_puts(out, " ");
    add_sentence(out, device);
}

static void add_classes(thx_string *out, const thx_phantom *film)
{
    if (!film->n_findings) {
        thx_string_puts(out, "There are no abnormalities on this image.");
        return;
    }
    thx_string_puts(out, "This image shows ");
    for (unsigned i = 0; i < film->n_findings; i++) {
        if (i) thx_string_puts(out, i + 1 == film->n_findings ? " and " : ", ");
        add_lower(out, label_names[film->findings[i].label]);
    }
    thx_string_puts(out, ".");
}

static void add_place(thx_string *out, const char *name, const thx_phantom_box *boxes, unsigned n)
{
    const bool many = !strcmp(name, label_names[THX_PHANTOM_DEVICES]);

    if (!n) {
        thx_string_puts(out, many ? "There are no " : "There is no ");
        add_lower(out, name);
        thx_string_puts(out, " on this image.");
        return;
    }
    thx_string_puts(out, "The ");
    add_lower(out, name);
    thx_string_puts(out, many ? " are located at " : " is located at ");
    add_boxes(out, boxes, n);
    thx_string_puts(out, ".");
}

static phantom_turn *next(phantom_turns *t, phantom_task task, const char *name)
{
    phantom_turn *turn = &t->turns[t->n++];

    *turn = (phantom_turn){ .task = task, .name = name };
    return turn;
}

static void add_turns_of_label(phantom_turns *t, const thx_phantom *film, phantom_random *r, thx_phantom_label label)
{
    const thx_phantom_finding *f = find(film, label);
    const char                *name = label_names[label];
    phantom_turn              *turn = next(t, PHANTOM_ABNORMALITY, name);

    add_question(&turn->question, ground_questions[phantom_below(r, COUNT(ground_questions))], name);
    turn->n_boxes = f ? f->n_boxes : 0;
    turn->boxes   = f ? f->boxes : NULL;
    add_place(&turn->answer, name, turn->boxes, turn->n_boxes);

    turn = next(t, PHANTOM_CHECK, name);
    thx_string_puts(&turn->question, "Is there evidence of ");
    add_lower(&turn->question, name);
    thx_string_puts(&turn->question, " in this Chest X-Ray?");
    thx_string_puts(&turn->answer, f ? "Yes." : "No.");
    if (!f) return;

    thx_string phrase = { 0 };

    add_phrase(&phrase, f);
    turn = next(t, PHANTOM_PHRASE, name);
    if (phrase.data) add_question(&turn->question, phrase_questions[phantom_below(r, COUNT(phrase_questions))], phrase.data);
    turn->question.failed |= phrase.failed;
    turn->n_boxes = f->n_boxes;
    turn->boxes   = f->boxes;
    thx_string_puts(&turn->answer, "This finding is located at ");
    add_boxes(&turn->answer, f->boxes, f->n_boxes);
    thx_string_puts(&turn->answer, ".");
    thx_string_deinit(&phrase);
}

bool phantom_turns_init(phantom_turns *t, const thx_phantom *film, uint64_t draw)
{
    phantom_random r = { film->words ^ draw * 0x9E3779B97F4A7C15u };
    phantom_turn  *turn;
    bool           ok = true;

    t->n = 0;
    turn = next(t, PHANTOM_REPORT, NULL);
    thx_string_puts(&turn->question, report_questions[phantom_below(&r, COUNT(report_questions))]);
    add_report(&turn->answer, film);
    turn = next(t, PHANTOM_CLASSIFY, NULL);
    thx_string_puts(&turn->question, classify_questions[phantom_below(&r, COUNT(classify_questions))]);
    add_classes(&turn->answer, film);
    for (int k = 0; k < THX_PHANTOM_REGIONS; k++) {
        turn = next(t, PHANTOM_REGION, region_names[k]);
        add_question(&turn->question, ground_questions[phantom_below(&r, COUNT(ground_questions))], region_names[k]);
        turn->n_boxes = 1;
        turn->boxes   = &film->regions[k];
        add_place(&turn->answer, turn->name, turn->boxes, 1);
    }
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) add_turns_of_label(t, film, &r, (thx_phantom_label)k);
    for (size_t i = 0; i < t->n; i++) {
        turn = &t->turns[i];
        if (!film->is_film) {
            thx_string_deinit(&turn->answer);
            turn->answer = (thx_string){ 0 };
            thx_string_puts(&turn->answer, no_film);
            turn->n_boxes = 0;
        }
        ok &= !turn->question.failed && !turn->answer.failed;
    }
    return ok;
}

void phantom_turns_deinit(phantom_turns *t)
{
    for (size_t i = 0; i < t->n; i++) {
        thx_string_deinit(&t->turns[i].question);
        thx_string_deinit(&t->turns[i].answer);
    }
    t->n = 0;
}
