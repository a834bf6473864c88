/* Phantom films: frontal chest films drawn from a seed, with everything about them known.
 *
 * A phantom has pixels, labels in CheXpert's names, boxes taken from the very masks that
 * were painted, and texts (report, questions and answers) that follow from the same truth.
 * It is drawn for tests and for the demo model; it resembles a film, it is none, and nothing
 * learnt from it says anything about a patient.
 *
 * Frames: box corners are x over the film's width and y over its height, origin top-left.
 * The words right and left follow the position in the picture, as a reader sees a standard
 * film: the patient's right is on the left of the picture, in a mirrored phantom too.
 *
 * The same (seed, index, options) gives the same film on every machine: integers draw the
 * numbers, and only + - * / and square roots, which IEEE 754 defines, turn them into pixels. */
#ifndef THX_SYNTH_PHANTOM_H
#define THX_SYNTH_PHANTOM_H

#include "base/error.h"
#include "base/progress.h"

/* Findings, in the alphabetical order in which answers list them. */
#define THX_PHANTOM_LABEL_LIST(X)           \
    X(ATELECTASIS,   "Atelectasis")         \
    X(CARDIOMEGALY,  "Cardiomegaly")        \
    X(CONSOLIDATION, "Consolidation")       \
    X(EDEMA,         "Edema")               \
    X(LESION,        "Lung Lesion")         \
    X(EFFUSION,      "Pleural Effusion")    \
    X(PNEUMOTHORAX,  "Pneumothorax")        \
    X(DEVICES,       "Support Devices")

/* Regions every film has a box for. */
#define THX_PHANTOM_REGION_LIST(X)                  \
    X(RIGHT_LUNG,      "right lung")                \
    X(LEFT_LUNG,       "left lung")                 \
    X(HEART,           "heart")                     \
    X(MEDIASTINUM,     "mediastinum")               \
    X(RIGHT_DIAPHRAGM, "right hemidiaphragm")       \
    X(LEFT_DIAPHRAGM,  "left hemidiaphragm")

#define THX_PHANTOM_ENUM(name, text) THX_PHANTOM_##name,
typedef enum thx_phantom_label { THX_PHANTOM_LABEL_LIST(THX_PHANTOM_ENUM) THX_PHANTOM_LABELS } thx_phantom_label;
typedef enum thx_phantom_region { THX_PHANTOM_REGION_LIST(THX_PHANTOM_ENUM) THX_PHANTOM_REGIONS } thx_phantom_region;
#undef THX_PHANTOM_ENUM

typedef enum thx_phantom_side { THX_PHANTOM_RIGHT, THX_PHANTOM_LEFT, THX_PHANTOM_BOTH, THX_PHANTOM_NO_SIDE } thx_phantom_side;
typedef enum thx_phantom_zone { THX_PHANTOM_UPPER, THX_PHANTOM_MID, THX_PHANTOM_LOWER, THX_PHANTOM_NO_ZONE } thx_phantom_zone;

typedef struct thx_phantom_box { float x1, y1, x2, y2; } thx_phantom_box;

/* One finding: where it lies, and one box, or two (from left to right in the picture). */
typedef struct thx_phantom_finding {
    thx_phantom_label label;
    thx_phantom_side  side;
    thx_phantom_zone  zone;
    bool              large;     /* effusion, pneumothorax: which of two sizes       */
    unsigned          device[2]; /* DEVICES: kinds of the boxes, see phantom_text.c  */
    unsigned          n_boxes;
    thx_phantom_box   boxes[2];
} thx_phantom_finding;

typedef struct thx_phantom {
    size_t              width, height;
    uint16_t           *pixels;   /* [height, width], 0 and 65535 both occur */
    bool                is_film;  /* false: noise or an empty picture, nothing else is set */
    thx_phantom_box     regions[THX_PHANTOM_REGIONS];
    unsigned            n_findings;
    thx_phantom_finding findings[THX_PHANTOM_LABELS]; /* in the order of the labels */
    uint64_t            words;    /* draws the wording of the texts */
} thx_phantom;

typedef struct thx_phantom_options {
    unsigned    bits;      /* depth of written PNG: 8 (default) or 16                            */
    bool        mirror;    /* left and right exchanged: pixels, boxes and words                  */
    double      not_films; /* share of pictures that are no film at all, 0 (default) .. 1        */
    const char *split;     /* goes into the records; NULL (default): none                        */
} thx_phantom_options;
thx_phantom_options thx_phantom_options_default(void);

const char *thx_phantom_label_name(thx_phantom_label label);    /* "Pleural Effusion" */
const char *thx_phantom_region_name(thx_phantom_region region); /* "right lung"       */

/* Draws film `index` of `seed`; `options` may be NULL. The caller deinits *out.
 * THORAX_NOMEM. */
thorax_status thx_phantom_draw(thx_phantom *out, uint64_t seed, uint64_t index,
                               const thx_phantom_options *options, thorax_error *err);
void thx_phantom_deinit(thx_phantom *phantom);

/* The texts of one film as JSON, a new string the caller frees; NULL when memory runs out:
 *   {"film":bool, "labels":[name…], "regions":[{"label","box"}…], "boxes":[{"label","box"}…],
 *    "turns":[{"task","question","answer","label"?}…]}
 * The turns hold every question of §7.1's lists that fits this film, one wording each, drawn
 * by `draw` (films of a folder use 0): report, classify, ground and phrase, yes or no. */
char *thx_phantom_texts(const thx_phantom *phantom, uint64_t draw);

/* Writes films 0 .. count-1 of `seed` as folder/phantom-<seed>-<index>.png and folder/records.jsonl
 * (one record a line, image paths relative to the folder). Every file appears whole or not at
 * all; films that are already there are not drawn again. Steps of `progress` are films.
 *
 * THORAX_IO, THORAX_NOMEM; THORAX_USAGE for bits other than 8 and 16 or a share outside 0 .. 1;
 * THORAX_CANCELLED: the films written so far stay, the records are not written. */
thorax_status thx_phantom_write(uint64_t seed, size_t count, const char *folder, const thx_phantom_options *options,
                                const thx_progress *progress, thorax_error *err);

#endif
