/* Phantom films: the same everywhere, what they promise to be, and their files. */
#include "check.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "film/film.h"
#include "synth/phantom.h"
#include "synth/phantom_baseline.h"

#include <math.h>

static void hash_of(const thx_phantom *p, char hex[65]) { thx_sha256_of(p->pixels, p->width * p->height * 2, hex); }

static void draw(thx_phantom *p, uint64_t seed, uint64_t index, const thx_phantom_options *o)
{
    thorax_error err;

    assert_ok(thx_phantom_draw(p, seed, index, o, &err), err);
}

/* Fixed values: another machine or compiler that draws other pixels fails here. */
static void same_seed_same_film(void **state)
{
    static const char *const want[] = { "c7288098fe447a6bb248fffad4f241eddaeb7a9b6b071497cc16cca4f38851df", "7d0be05c38f22113f337041bd943167ead0e33ee7f178dde38a50ae7e95d0fe2",
                                        "4391b7b0e077f73f744497e8fe4678f179a12079f297b4103962d159f69bba8b" };
    char        hex[65];
    thx_phantom p;

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        draw(&p, 1, i, NULL);
        hash_of(&p, hex);
        assert_string_equal(hex, want[i]);
        thx_phantom_deinit(&p);
    }
}

static void box_is_sound(thx_phantom_box b)
{
    assert_true(b.x1 >= 0.0F && b.y1 >= 0.0F && b.x2 <= 1.0F && b.y2 <= 1.0F);
    assert_true(b.x1 < b.x2 && b.y1 < b.y2);
}

/* Shares of the labels, number of findings, boxes, depth, over films of a seed. */
static void films_are_as_promised(void **state)
{
    enum { FILMS = 500 };
    size_t with[THX_PHANTOM_LABELS] = { 0 }, few = 0;

    (void)state;
    for (uint64_t i = 0; i < FILMS; i++) {
        thx_phantom p;
        uint16_t    low = 65535, high = 0;

        draw(&p, 20, i, NULL);
        assert_true(p.is_film);
        for (size_t k = 0; k < p.width * p.height; k++) {
            if (p.pixels[k] < low) low = p.pixels[k];
            if (p.pixels[k] > high) high = p.pixels[k];
        }
        assert_int_equal(low, 0);
        assert_int_equal(high, 65535);
        for (int r = 0; r < THX_PHANTOM_REGIONS; r++) box_is_sound(p.regions[r]);
        for (unsigned f = 0; f < p.n_findings; f++) {
            with[p.findings[f].label]++;
            assert_in_range(p.findings[f].n_boxes, 1, 2);
            for (unsigned k = 0; k < p.findings[f].n_boxes; k++) box_is_sound(p.findings[f].boxes[k]);
        }
        few += p.n_findings <= 2;
        thx_phantom_deinit(&p);
    }
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) assert_in_range(with[k], FILMS / 10, FILMS * 6 / 10);
    assert_true(few * 3 >= FILMS * 2);
}

/* The right lung is on the left of the picture, and the domes stand under their lungs. */
static void regions_lie_where_they_belong(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 60; i++) {
        thx_phantom p;

        draw(&p, 21, i, NULL);
        const thx_phantom_box *r = p.regions;

        assert_true(r[THX_PHANTOM_RIGHT_LUNG].x1 < r[THX_PHANTOM_LEFT_LUNG].x1);
        assert_true(r[THX_PHANTOM_RIGHT_LUNG].x2 < r[THX_PHANTOM_LEFT_LUNG].x2);
        assert_true(r[THX_PHANTOM_RIGHT_DIAPHRAGM].y1 > r[THX_PHANTOM_RIGHT_LUNG].y1);
        assert_true(r[THX_PHANTOM_LEFT_DIAPHRAGM].y1 > r[THX_PHANTOM_LEFT_LUNG].y1);
        assert_true(r[THX_PHANTOM_HEART].y2 > r[THX_PHANTOM_MEDIASTINUM].y1);
        thx_phantom_deinit(&p);
    }
}

static void mirror_turns_all_of_it(void **state)
{
    thx_phantom_options o = thx_phantom_options_default();

    (void)state;
    o.mirror = true;
    for (uint64_t i = 0; i < 30; i++) {
        thx_phantom p, m;

        draw(&p, 22, i, NULL);
        draw(&m, 22, i, &o);
        assert_int_equal(p.width, m.width);
        for (size_t y = 0; y < p.height; y += 7)
            for (size_t x = 0; x < p.width; x++) assert_int_equal(p.pixels[y * p.width + x], m.pixels[y * p.width + p.width - 1 - x]);
        const thx_phantom_box a = p.regions[THX_PHANTOM_RIGHT_LUNG], b = m.regions[THX_PHANTOM_LEFT_LUNG];

        assert_true(thx_phantom_iou(a, (thx_phantom_box){ 1.0F - b.x2, b.y1, 1.0F - b.x1, b.y2 }) > 0.9999);
        assert_int_equal(p.n_findings, m.n_findings);
        for (unsigned f = 0; f < p.n_findings; f++) {
            if (p.findings[f].side == THX_PHANTOM_RIGHT) assert_int_equal(m.findings[f].side, THX_PHANTOM_LEFT);
            if (p.findings[f].side == THX_PHANTOM_LEFT) assert_int_equal(m.findings[f].side, THX_PHANTOM_RIGHT);
        }
        thx_phantom_deinit(&p);
        thx_phantom_deinit(&m);
    }
}

static void lower(char *text) { for (; *text; text++) if (*text >= 'A' && *text <= 'Z') *text = (char)(*text + 32); }

/* The classification names exactly the labels; the report names each of them. */
static void texts_say_the_truth(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 80; i++) {
        thx_phantom p;

        draw(&p, 23, i, NULL);
        char   *text = thx_phantom_texts(&p, i);
        json_t *all = json_loads(text, 0, NULL), *turns = json_object_get(all, "turns");
        char    report[1500], classes[500];

        assert_non_null(turns);
        snprintf(report, sizeof report, "%s", json_string_value(json_object_get(json_array_get(turns, 0), "answer")));
        snprintf(classes, sizeof classes, "%s", json_string_value(json_object_get(json_array_get(turns, 1), "answer")));
        lower(report);
        assert_int_equal(json_array_size(json_object_get(all, "labels")), p.n_findings);
        for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
            char name[40];
            bool has = false;

            snprintf(name, sizeof name, "%s", thx_phantom_label_name((thx_phantom_label)k));
            lower(name);
            for (unsigned f = 0; f < p.n_findings; f++) has |= p.findings[f].label == (thx_phantom_label)k;
            assert_int_equal(strstr(classes, name) != NULL, has);
            if (has && k != THX_PHANTOM_CARDIOMEGALY) assert_non_null(strstr(report, name));
        }
        json_decref(all);
        free(text);
        thx_phantom_deinit(&p);
    }
}

static void other_pictures_are_no_films(void **state)
{
    thx_phantom_options o = thx_phantom_options_default();
    thx_phantom         p;

    (void)state;
    o.not_films = 1.0;
    for (uint64_t i = 0; i < 10; i++) {
        draw(&p, 24, i, &o);
        assert_false(p.is_film);
        char *text = thx_phantom_texts(&p, 0);

        assert_null(strstr(text, "located at"));
        assert_non_null(strstr(text, "This image is not a chest X-ray."));
        free(text);
        thx_phantom_deinit(&p);
    }
}

/* ---- Baselines ------------------------------------------------------------ */
static void blind_answers_are_poor(void **state)
{
    thx_phantom_figures constant, thumbnail;
    thx_phantom_ranks   ranks = { 0 };
    thorax_error        err;

    (void)state;
    assert_ok(thx_phantom_baselines(&constant, &thumbnail, &ranks, 31, 500, 32, 150, NULL, &err), err);
    assert_true(constant.iou_anatomy <= 0.45);
    assert_true(constant.iou_findings <= 0.15);
    assert_true(thumbnail.macro_f1 <= 0.6);
    assert_true(constant.iou_anatomy > 0.1 && thumbnail.macro_f1 > 0.05);
    assert_int_equal(thx_phantom_baselines(&constant, &thumbnail, &ranks, 31, 0, 32, 1, NULL, &err), THORAX_USAGE);
    assert_int_equal(ranks.n, 150);
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) assert_true(thx_phantom_ranks_auroc(&ranks, (thx_phantom_label)k) < 0.9);
    thx_phantom_ranks_deinit(&ranks);
}

/* Three films with a heart label, two without: of six pairs four are won and one is a tie. */
static void areas_count_pairs(void **state)
{
    thx_phantom       with = { .n_findings = 1 }, without = { 0 };
    thx_phantom_ranks r = { 0 };
    thorax_error      err;
    const float       high[3] = { 0.9F, 0.5F, 0.3F }, low[2] = { 0.3F, 0.4F };

    (void)state;
    with.findings[0].label = THX_PHANTOM_CARDIOMEGALY;
    for (int i = 0; i < 5; i++) {
        float score[THX_PHANTOM_LABELS] = { 0.0F };

        score[THX_PHANTOM_CARDIOMEGALY] = i < 3 ? high[i] : low[i - 3];
        assert_ok(thx_phantom_ranks_add(&r, i < 3 ? &with : &without, score, &err), err);
    }
    assert_true(fabs(thx_phantom_ranks_auroc(&r, THX_PHANTOM_CARDIOMEGALY) - 4.5 / 6.0) < 1e-12);
    assert_true(isnan(thx_phantom_ranks_auroc(&r, THX_PHANTOM_EDEMA)));
    thx_phantom_ranks_deinit(&r);
}

static void the_truth_scores_full_marks(void **state)
{
    thx_phantom_score s = { 0 };

    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        bool        present[THX_PHANTOM_LABELS] = { false };
        thx_phantom p;

        draw(&p, 33, i, NULL);
        for (unsigned f = 0; f < p.n_findings; f++) present[p.findings[f].label] = true;
        thx_phantom_score_labels(&s, &p, present);
        for (int r = 0; r < THX_PHANTOM_REGIONS; r++) thx_phantom_score_region(&s, &p, (thx_phantom_region)r, &p.regions[r], 1);
        for (unsigned f = 0; f < p.n_findings; f++) thx_phantom_score_finding(&s, &p, p.findings[f].label, p.findings[f].boxes, p.findings[f].n_boxes);
        thx_phantom_deinit(&p);
    }
    const thx_phantom_figures f = thx_phantom_score_end(&s);

    assert_true(f.macro_f1 > 0.9999 && f.iou_anatomy > 0.9999 && f.iou_findings > 0.9999);
}

/* ---- Files ---------------------------------------------------------------- */
static char folder[] = "/tmp/thorax-phantom-XXXXXX";

static int make_folder(void **state) { (void)state; return mkdtemp(folder) ? 0 : -1; }

static int remove_folder(void **state)
{
    char command[200];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) ? -1 : 0;
}

static const char *in_folder(const char *name)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* 8 and 16 bits show the same picture; records point at it and hold the truth. */
static void files_hold_film_and_records(void **state)
{
    thx_phantom_options o = thx_phantom_options_default();
    thorax_error        err;
    thx_picture         shown[2];
    char               *text, *line;
    size_t              size, records = 0, tasks = 0;

    (void)state;
    for (int k = 0; k < 2; k++) {
        thx_film *film;

        o.bits = k ? 16 : 8;
        o.split = "test";
        char *sub = strdup(in_folder(k ? "deep" : "flat"));

        assert_ok(thx_phantom_write(5, 2, sub, &o, NULL, &err), err);
        char *path = thx_path_join(sub, "phantom-5-000001.png");

        assert_ok(thx_film_open(&film, path, NULL, &err), err);
        assert_int_equal(film->bits, o.bits);
        assert_ok(thx_film_render(&shown[k], film, THX_PROFILE_DISPLAY, &err), err);
        thx_film_close(film);
        free(path);
        free(sub);
    }
    assert_int_equal(shown[0].width, shown[1].width);
    for (size_t i = 0; i < (size_t)shown[0].width * shown[0].height; i++) assert_in_range(shown[0].data[i] + 1 - shown[1].data[i], 0, 2);
    thx_picture_deinit(&shown[0]);
    thx_picture_deinit(&shown[1]);

    assert_ok(thx_file_read(&text, &size, in_folder("flat/records.jsonl"), 10 << 20, &err), err);
    for (char *at = text; (line = strtok_r(at, "\n", &at));) {
        json_t *r = json_loads(line, 0, NULL);

        assert_non_null(r);
        assert_string_equal(json_string_value(json_object_get(r, "split")), "test");
        assert_int_equal(access(in_folder("flat/phantom-5-000000.png"), R_OK), 0);
        assert_true(json_is_array(json_object_get(r, "labels")) && json_is_array(json_object_get(r, "boxes")));
        assert_true((json_object_get(r, "question") && json_object_get(r, "answer")) || json_object_get(r, "conversation"));
        tasks += !strcmp(json_string_value(json_object_get(r, "task")), "report");
        json_decref(r);
        records++;
    }
    assert_int_equal(tasks, 2);
    assert_true(records > 40);
    free(text);
}

static bool stop_at_two(void *data, const char *what, size_t done, size_t total)
{
    (void)what, (void)total;
    *(size_t *)data = done;
    return done < 2;
}

static void writing_stops_and_goes_on(void **state)
{
    size_t             seen = 0;
    const thx_progress progress = { stop_at_two, &seen };
    thorax_error       err;
    struct stat        before, after;
    char              *sub = strdup(in_folder("again")), *film = thx_path_join(sub, "phantom-6-000000.png"), *records = thx_path_join(sub, "records.jsonl");

    (void)state;
    assert_int_equal(thx_phantom_write(6, 4, sub, NULL, &progress, &err), THORAX_CANCELLED);
    assert_int_equal(seen, 2);
    assert_false(thx_file_exists(records));
    assert_int_equal(stat(film, &before), 0);
    assert_ok(thx_phantom_write(6, 4, sub, NULL, NULL, &err), err);
    assert_int_equal(stat(film, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino); /* not written again */
    assert_true(thx_file_exists(records));
    free(sub);
    free(film);
    free(records);
}

static void bad_wishes_are_refused(void **state)
{
    thx_phantom_options o = thx_phantom_options_default();
    thorax_error        err;

    (void)state;
    o.bits = 12;
    assert_int_equal(thx_phantom_write(1, 1, folder, &o, NULL, &err), THORAX_USAGE);
    o.bits = 8;
    o.not_films = 1.5;
    assert_int_equal(thx_phantom_write(1, 1, folder, &o, NULL, &err), THORAX_USAGE);
    close(open(in_folder("file"), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(thx_phantom_write(1, 1, in_folder("file/below"), NULL, NULL, &err), THORAX_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_film),
        cmocka_unit_test(films_are_as_promised),
        cmocka_unit_test(regions_lie_where_they_belong),
        cmocka_unit_test(mirror_turns_all_of_it),
        cmocka_unit_test(texts_say_the_truth),
        cmocka_unit_test(other_pictures_are_no_films),
        cmocka_unit_test(blind_answers_are_poor), cmocka_unit_test(areas_count_pairs),
        cmocka_unit_test(the_truth_scores_full_marks),
        cmocka_unit_test(files_hold_film_and_records),
        cmocka_unit_test(writing_stops_and_goes_on),
        cmocka_unit_test(bad_wishes_are_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
