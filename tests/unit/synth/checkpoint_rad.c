/* Random folders in the layout of LLaVA-Rad: the published sizes, archives that are whole, values of each type,
 * and a second folder inside that comes and goes with the first. */
#include "place.h"
#include "base/file.h"
#include "base/json.h"
#include "synth/checkpoint.h"
#include "synth/checkpoint_plan.h"
#include "synth/checkpoint_sentencepiece.h"
#include "synth/checkpoint_values.h"
#include "synth/checkpoint_zip.h"

#include <dirent.h>
#include <math.h>
#include <zlib.h>

static thx_checkpoint_options tiny(uint64_t seed)
{
    return (thx_checkpoint_options){ .arch = "llava-rad-tiny", .seed = seed, .dtype = "f16" };
}

static void write_folder(const thx_checkpoint_options *o, const char *folder)
{
    thorax_error err;
    assert_ok(thx_checkpoint_write(o, folder, NULL, &err), err);
}

static void plan_of(thx_checkpoint *c, thx_arena **arena, const thx_checkpoint_options *o)
{
    thorax_error err;

    assert_ok(thx_arena_open(arena, 0, &err), err);
    assert_ok(thx_checkpoint_init(c, o, &err), err);
    assert_ok(thx_checkpoint_plan(c, *arena, &err), err);
    assert_int_equal(c->n_plans, 4);
}

static const thx_planned *planned(const thx_tensor_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!strcmp(plan->tensors[i].name, name)) return &plan->tensors[i];
    fail_msg("no %s", name);
    return NULL;
}

/* Bytes of the only file of a plan, as it would be written. */
static uint64_t file_size(const thx_tensor_plan *plan)
{
    const size_t   n = plan->count + 4;
    thx_zip_entry *e = calloc(n, sizeof *e);
    thx_string     s = { 0 };

    assert_non_null(e);
    plan->pickle(&s, plan, 0);
    for (size_t i = 0; i < plan->count; i++) {
        snprintf(e[2 + i].name, sizeof e->name, "%s/data/%zu", plan->stem, i);
        e[2 + i].size = plan->tensors[i].end - plan->tensors[i].begin;
    }
    static const struct { const char *name; uint64_t size; } texts[] = {
        { "data.pkl", 0 }, { "byteorder", 6 }, { "version", 2 }, { ".data/serialization_id", 40 },
    };
    for (size_t k = 0; k < 4; k++) {
        thx_zip_entry *to = &e[k < 2 ? k : n - 4 + k];

        snprintf(to->name, sizeof to->name, "%s/%s", plan->stem, texts[k].name);
        to->size = k ? texts[k].size : s.size;
    }
    thx_string_deinit(&s);
    const uint64_t at = thx_zip_place(e, n);
    thx_zip_directory(&s, e, n, at);
    const uint64_t size = at + s.size;
    thx_string_deinit(&s);
    free(e);
    return size;
}

/* The figures of the published files; sizes of files are theirs less what the containers add. */
static void published_sizes(void **state)
{
    thx_checkpoint_options o = { .arch = "llava-rad-7b", .dtype = "f16" };
    thx_checkpoint c;
    thx_arena *arena;

    (void)state;
    plan_of(&c, &arena, &o);
    const thx_tensor_plan *base = &c.plans[0], *adapter = &c.plans[1], *projector = &c.plans[2], *vision = &c.plans[3];
    assert_int_equal(base->count, 291 + 32);
    assert_int_equal(base->bytes, 13476835328);
    assert_int_equal(base->n_shards, 2);
    assert_in_range(9976634558 - base->shard_bytes[0], 1, 200000);
    assert_in_range(3500315539 - base->shard_bytes[1], 1, 200000);
    assert_int_equal(adapter->count, 448);
    assert_int_equal(adapter->values, 159907840);
    assert_int_equal(file_size(adapter), 319971402); /* the published ones, to the byte */
    assert_int_equal(file_size(projector), 39864496);
    assert_int_equal(planned(adapter, "base_model.model.model.layers.31.mlp.down_proj.lora_A.weight")->shape[1], 11008);
    assert_int_equal(projector->count, 4);
    assert_int_equal(projector->values, 19931136);
    assert_in_range(2363054683 - vision->bytes, 1, 600000);
    assert_int_equal(planned(vision, "module.visual.trunk.pos_embed")->shape[1], 1370);
    assert_int_equal(planned(vision, "module.visual.trunk.blocks.11.attn.qkv.weight")->count, 2304 * 768);

    uint64_t values = 0, moments = 0, trunk = 0;
    for (size_t i = 0; i < vision->count; i++) {
        const thx_planned *t = &vision->tensors[i];

        if (i >= vision->n_state) moments += t->count;
        else if (t->type == THX_F32) values += t->count;
        if (i < vision->n_state && strstr(t->name, ".trunk.")) trunk += t->count;
    }
    assert_int_equal(trunk, 86579712);
    assert_int_equal(values, 196683777 + 590592);
    assert_int_equal(moments, 2 * 196683777 + (vision->count - vision->n_state) / 3);
    thx_arena_close(arena);
}

/* ---- Archives ---- */

typedef struct archive { thx_map map; size_t entries, directory; } archive;

static uint64_t number(const archive *a, size_t at, int bytes)
{
    uint64_t value = 0;

    assert_true(at + (size_t)bytes <= a->map.size);
    for (int i = 0; i < bytes; i++) value |= (uint64_t)a->map.data[at + (size_t)i] << 8 * i;
    return value;
}

static void archive_open(archive *a, const char *path)
{
    thorax_error err;

    assert_ok(thx_map_open(&a->map, path, &err), err);
    assert_int_equal(number(a, a->map.size - 22, 4), 0x06054b50);
    a->entries = (size_t)number(a, a->map.size - 12, 2);
    a->directory = (size_t)number(a, a->map.size - 6, 4);
}

/* Bytes of the entry that ends so. */
static const unsigned char *entry(const archive *a, const char *name, size_t *size)
{
    size_t at = a->directory;

    for (size_t i = 0; i < a->entries; i++) {
        const size_t n = (size_t)number(a, at + 28, 2), header = (size_t)number(a, at + 42, 4);
        const char  *found = (const char *)a->map.data + at + 46, *slash = memchr(found, '/', n);

        assert_non_null(slash);
        *size = (size_t)number(a, at + 24, 4);
        if ((size_t)(found + n - slash - 1) == strlen(name) && !memcmp(slash + 1, name, strlen(name)))
            return a->map.data + header + 30 + number(a, header + 26, 2) + number(a, header + 28, 2);
        at += 46 + n + (size_t)number(a, at + 30, 2);
    }
    fail_msg("no entry %s", name);
    return NULL;
}

/* Stored as they are, at multiples of 64, with their sums in both places. */
static void check_archive(const char *path)
{
    archive a;

    archive_open(&a, path);
    size_t at = a.directory;
    for (size_t i = 0; i < a.entries; i++) {
        const size_t n = (size_t)number(&a, at + 28, 2), header = (size_t)number(&a, at + 42, 4),
                     size = (size_t)number(&a, at + 24, 4),
                     data = header + 30 + (size_t)number(&a, header + 26, 2) + (size_t)number(&a, header + 28, 2);
        const uint64_t sum = crc32(0, a.map.data + data, (uInt)size);

        assert_int_equal(number(&a, at, 4), 0x02014b50);
        assert_int_equal(number(&a, at + 10, 2), 0);
        assert_int_equal(number(&a, at + 20, 4), size);
        assert_int_equal(data % 64, 0);
        assert_memory_equal(a.map.data + header + 30, a.map.data + at + 46, n);
        assert_int_equal(number(&a, at + 16, 4), sum);
        assert_int_equal(number(&a, data + size, 4), 0x08074b50);
        assert_int_equal(number(&a, data + size + 4, 4), sum);
        at += 46 + n + (size_t)number(&a, at + 30, 2);
    }
    assert_int_equal(at, a.map.size - 22 - 20 - 56); /* the end records */
    thx_map_close(&a.map);
}

static const char *const archives[] = {
    "adapter_model.bin", "non_lora_trainables.bin", "biomedclipcxr_518_checkpoint.pt",
    "base/pytorch_model-00001-of-00002.bin", "base/pytorch_model-00002-of-00002.bin",
};
enum { ARCHIVES = sizeof archives / sizeof archives[0] };

static void archives_are_whole(void **state)
{
    thx_checkpoint_options o = tiny(3);
    place p;

    (void)state;
    place_open(&p);
    o.outlier_channels = 2;
    write_folder(&o, p.folder);
    for (size_t i = 0; i < ARCHIVES; i++) check_archive(in(&p, archives[i]));
    place_close(&p);
}

/* A stored tensor as a view. */
static thx_view view_of(const archive *a, const thx_planned *t)
{
    thx_view v = { .name = t->name, .type = t->type, .rank = t->rank, .count = t->count };
    char name[32];
    size_t size;

    memcpy(v.shape, t->shape, sizeof t->shape);
    snprintf(name, sizeof name, "data/%u", t->place);
    v.data = entry(a, name, &size);
    assert_int_equal(size, t->end - t->begin);
    return v;
}

static void file_of(place *p, archive *a, const thx_tensor_plan *plan, const thx_planned *t)
{
    char name[64];

    thx_tensor_plan_file(name, plan, t->shard);
    archive_open(a, in(p, name));
}

/* Each type has values that smaller mantissas cannot hold, and the special tensors hold what they should. */
static void values(void **state)
{
    thx_checkpoint_options o = tiny(1);
    thx_checkpoint c;
    thx_arena *arena;
    archive a;
    place p;

    (void)state;
    place_open(&p);
    write_folder(&o, p.folder);
    plan_of(&c, &arena, &o);
    const thx_planned *t = planned(&c.plans[0], "model.layers.2.mlp.up_proj.weight");
    file_of(&p, &a, &c.plans[0], t);
    thx_view v = view_of(&a, t);
    const thx_value_count odd = thx_view_count_values(&v);
    assert_true(odd.not_bf16 > t->count / 2 && !odd.inf && !odd.nan);
    thx_map_close(&a.map);

    t = planned(&c.plans[0], "model.layers.0.self_attn.rotary_emb.inv_freq");
    file_of(&p, &a, &c.plans[0], t);
    v = view_of(&a, t);
    assert_int_equal(t->count, 32);
    for (size_t i = 0; i < 32; i++) {
        uint16_t h;

        memcpy(&h, (const char *)v.data + 2 * i, 2);
        assert_int_equal(h, thx_f16_from_f32((float)pow(10000, -(double)i / 32)));
    }
    thx_map_close(&a.map);

    const thx_tensor_plan *vision = &c.plans[3];
    file_of(&p, &a, vision, vision->tensors);
    v = view_of(&a, planned(vision, "module.text.transformer.embeddings.position_ids"));
    for (int64_t i = 0; i < 512; i++) assert_memory_equal((const int64_t *)v.data + i, &i, sizeof i);
    for (size_t i = vision->n_state; i < vision->count; i++) {
        v = view_of(&a, &vision->tensors[i]);
        for (uint64_t k = 0; k < v.count && strstr(v.name, "exp_avg_sq"); k++)
            assert_true(((const float *)v.data)[k] > 0);
    }
    v = view_of(&a, planned(vision, "module.logit_scale"));
    assert_true(fabsf(*(const float *)v.data - logf(100)) < 1e-5f);
    double mean = 0;
    v = view_of(&a, planned(vision, "module.visual.trunk.blocks.3.ls1.gamma"));
    for (uint64_t k = 0; k < v.count; k++) mean += (double)((const float *)v.data)[k] / (double)v.count;
    assert_true(fabs(mean - 1) < 0.05);
    thx_map_close(&a.map);
    thx_arena_close(arena);
    place_close(&p);
}

static void assert_same(place *a, place *b, const char *name, bool same)
{
    thorax_error err;
    thx_map x, y;

    assert_ok(thx_map_open(&x, in(a, name), &err), err);
    assert_ok(thx_map_open(&y, in(b, name), &err), err);
    assert_int_equal(x.size, y.size);
    assert_true(same == !memcmp(x.data, y.data, x.size));
    thx_map_close(&x);
    thx_map_close(&y);
}

static void seeds(void **state)
{
    thx_checkpoint_options o = tiny(11);
    place a, b, c;

    (void)state;
    place_open(&a);
    place_open(&b);
    place_open(&c);
    write_folder(&o, a.folder);
    write_folder(&o, b.folder);
    o.seed = 12;
    write_folder(&o, c.folder);
    for (size_t i = 0; i < ARCHIVES; i++) {
        assert_same(&a, &b, archives[i], true);
        assert_same(&a, &c, archives[i], false);
    }
    assert_same(&a, &c, "base/tokenizer.model", true);
    place_close(&a);
    place_close(&b);
    place_close(&c);
}

/* ---- Folders ---- */

static size_t files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void refused(const thx_checkpoint_options *o, const char *folder, thorax_status status, const char *says)
{
    thorax_error err = { 0 };

    assert_int_equal(thx_checkpoint_write(o, folder, NULL, &err), status);
    if (!strstr(err.text, says)) fail_msg("expected \"%s\" in: %s", says, err.text);
}

/* The shards' index names every tensor; the adapter's config names the folder of its base. */
static void configs(void **state)
{
    thx_checkpoint_options o = tiny(0);
    thorax_error err;
    json_t *j;
    place p;

    (void)state;
    place_open(&p);
    write_folder(&o, p.folder);
    assert_int_equal(files_in(p.folder), 8);
    assert_int_equal(files_in(in(&p, "base")), 9);
    assert_ok(thx_json_read(&j, in(&p, "base/pytorch_model.bin.index.json"), 1 << 20, &err), err);
    const json_t *map = json_object_get(j, "weight_map");
    assert_int_equal(json_object_size(map), 3 + 10 * 3);
    assert_string_equal(json_string_value(json_object_get(map, "lm_head.weight")), "pytorch_model-00002-of-00002.bin");
    json_decref(j);
    assert_ok(thx_json_read(&j, in(&p, "adapter_config.json"), 1 << 20, &err), err);
    assert_string_equal(json_string_value(json_object_get(j, "base_model_name_or_path")), "base");
    assert_int_equal(json_integer_value(json_object_get(j, "r")), 8);
    json_decref(j);
    assert_ok(thx_json_read(&j, in(&p, "biomedclipcxr_518.json"), 1 << 20, &err), err);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "vision_cfg"), "head_width")), 32);
    json_decref(j);
    assert_ok(thx_json_read(&j, in(&p, "config.json"), 1 << 20, &err), err);
    assert_int_equal(json_integer_value(json_object_get(j, "mm_hidden_size")), 96);
    json_decref(j);
    assert_ok(thx_json_read(&j, in(&p, "base/config.json"), 1 << 20, &err), err);
    assert_string_equal(json_string_value(json_object_get(j, "model_type")), "llama");
    json_decref(j);
    place_close(&p);
}

static void options(void **state)
{
    thx_checkpoint_options o;
    thx_checkpoint c;
    thx_arena *arena;
    place p;

    (void)state;
    place_open(&p);
    o = tiny(0), o.dtype = "bf16", refused(&o, p.folder, THORAX_USAGE, "published types");
    o = tiny(0), o.layers_text = 4, refused(&o, p.folder, THORAX_USAGE, "1 to 3 text layers");
    o = tiny(0), o.arch = "llava-rad-13b", refused(&o, p.folder, THORAX_USAGE, "tiny or llava-rad-tiny");
    o = tiny(0), o.layers_text = o.layers_vision = 1;
    plan_of(&c, &arena, &o);
    assert_int_equal(c.plans[0].count, 13);
    assert_int_equal(c.plans[1].count, 14);
    thx_arena_close(arena);
    o.shard_bytes = 1 << 30;
    write_folder(&o, p.folder);
    assert_true(thx_file_exists(in(&p, "base/pytorch_model.bin")));
    assert_false(thx_file_exists(in(&p, "base/pytorch_model.bin.index.json")));
    place_close(&p);
}

/* A model's tokenizer is taken as it is; one of more pieces makes more rows. */
static void tokenizer_taken(void **state)
{
    thx_checkpoint_options o = tiny(0);
    const char *data;
    size_t size;
    thorax_error err;
    thx_arena *arena;
    json_t *j;
    place p, q;

    (void)state;
    place_open(&p);
    place_open(&q);
    o.tokenizer_folder = q.folder;
    refused(&o, in(&p, "new"), THORAX_IO, "tokenizer.model");
    assert_ok(thx_arena_open(&arena, 0, &err), err);
    assert_ok(thx_sentencepiece_make(&data, &size, arena, 3001, &err), err);
    assert_ok(thx_file_write(in(&q, "tokenizer.model"), data, size, &err), err);
    thx_arena_close(arena);
    write_folder(&o, p.folder);
    assert_ok(thx_json_read(&j, in(&p, "config.json"), 1 << 20, &err), err);
    assert_int_equal(json_integer_value(json_object_get(j, "vocab_size")), 3008);
    json_decref(j);
    thx_map x, y;
    assert_ok(thx_map_open(&x, in(&q, "tokenizer.model"), &err), err);
    assert_ok(thx_map_open(&y, in(&p, "base/tokenizer.model"), &err), err);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    thx_map_close(&x);
    thx_map_close(&y);
    place_close(&p);
    place_close(&q);
}

/* The inner folder goes when the layout has none, and what others put there is left alone. */
static void replaced(void **state)
{
    thx_checkpoint_options rad = tiny(0), other = tiny(0);
    thorax_error err;
    place p;

    (void)state;
    other.arch = "tiny";
    place_open(&p);
    assert_ok(thx_folder_make(in(&p, "base"), &err), err);
    assert_ok(thx_file_write(in(&p, "base/pytorch_model.bin.part"), "x", 1, &err), err); /* a killed run's */
    write_folder(&rad, p.folder);
    assert_int_equal(files_in(in(&p, "base")), 9);
    write_folder(&other, p.folder);
    assert_false(thx_is_folder(in(&p, "base")));
    assert_false(thx_file_exists(in(&p, "adapter_model.bin")));
    assert_int_equal(files_in(p.folder), 16);
    write_folder(&rad, p.folder);
    assert_int_equal(files_in(p.folder), 8);

    assert_ok(thx_file_write(in(&p, "base/notes.txt"), "mine", 4, &err), err);
    refused(&rad, p.folder, THORAX_IO, "base/notes.txt");
    refused(&other, p.folder, THORAX_IO, "base/notes.txt");
    assert_int_equal(files_in(in(&p, "base")), 10);
    place_close(&p);

    place_open(&p); /* a base that was not made here */
    assert_ok(thx_folder_make(in(&p, "base"), &err), err);
    assert_ok(thx_file_write(in(&p, "base/config.json"), "{}", 2, &err), err);
    refused(&rad, p.folder, THORAX_IO, "base/config.json");
    place_close(&p);
}

static bool stop_half_way(void *data, const char *what, size_t done, size_t total)
{
    (void)data;
    assert_string_equal(what, "weights");
    assert_true(done <= total);
    return done < total / 2;
}

static void cancelled(void **state)
{
    const thx_progress stop = { stop_half_way, NULL };
    thx_checkpoint_options o = tiny(0);
    thorax_error err;
    place p;

    (void)state;
    place_open(&p);
    assert_int_equal(thx_checkpoint_write(&o, in(&p, "new"), &stop, &err), THORAX_CANCELLED);
    assert_false(thx_is_folder(in(&p, "new")));
    write_folder(&o, in(&p, "new"));
    assert_int_equal(thx_checkpoint_write(&o, in(&p, "new"), &stop, &err), THORAX_CANCELLED);
    assert_int_equal(files_in(in(&p, "new")), 8);
    assert_int_equal(files_in(in(&p, "new/base")), 9);
    place_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sizes), cmocka_unit_test(archives_are_whole), cmocka_unit_test(values),
        cmocka_unit_test(seeds),           cmocka_unit_test(configs),            cmocka_unit_test(options),
        cmocka_unit_test(tokenizer_taken), cmocka_unit_test(replaced),           cmocka_unit_test(cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
