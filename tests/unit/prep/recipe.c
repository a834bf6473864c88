/* Recipes: where they are found, their defaults, and what is refused by name. */
#include "check.h"

#include "base/file.h"
#include "prep/recipe.h"

static char folder[512];

static int make_folder(void **state)
{
    thorax_error err;

    (void)state;
    snprintf(folder, sizeof folder, "%s/test-recipe-%ld",
             getenv("THORAX_BUILD") ? getenv("THORAX_BUILD") : "/tmp", (long)getpid());
    return thx_folder_make(folder, &err) != THORAX_OK;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "preprocessor_config.json", "processor_config.json" };
    char path[600];

    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* Reads the folder with these two files in it; NULL = no such file. */
static thorax_status read_with(thx_recipe *r, const char *preprocessor, const char *processor,
                               const thx_recipe_hints *hints, thorax_error *err)
{
    const char *const names[] = { "preprocessor_config.json", "processor_config.json" };
    const char *const texts[] = { preprocessor, processor };
    char path[600];

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
        if (texts[i]) assert_ok(thx_file_write(path, texts[i], strlen(texts[i]), err), *err);
    }
    return thx_recipe_read(r, folder, hints, err);
}

static void no_file(void **state)
{
    thx_recipe   r;
    thorax_error err;

    (void)state;
    assert_ok(read_with(&r, NULL, "{\"image_token\": \"<image>\"}", NULL, &err), err);
    assert_true(r.mean[0] == 0.5 && r.std[2] == 0.5 && r.rescale == 1.0 / 255);
    assert_int_equal(r.tile_px, 384);
    assert_int_equal(r.n_pinpoints, 36);
    assert_int_equal(r.pinpoints[1][0], 384); /* the height changes last */
    assert_int_equal(r.pinpoints[1][1], 768);
    assert_int_equal(r.max_patches, 9);
}

static void class_defaults(void **state)
{
    thx_recipe   r;
    thorax_error err;

    (void)state;
    assert_ok(read_with(&r, "{}", NULL, NULL, &err), err);
    assert_true(r.mean[0] == 0.48145466 && r.std[2] == 0.27577711);
    assert_ok(read_with(&r, "{\"image_mean\": null, \"image_std\": 0.25}", NULL, NULL, &err), err);
    assert_true(r.mean[2] == 0.40821073 && r.std[1] == 0.25);
}

static void nested(void **state)
{
    const thx_recipe_hints hints = { 224, 16, 2, { { 224, 448 }, { 448, 224 } }, 4 };
    const char *text =
        "{\"image_processor\": {\"image_processor_type\": \"LlavaOnevisionImageProcessorFast\", \"do_pad\": true,"
        "\"image_mean\": [0.1, 0.2, 0.3], \"image_std\": [1, 2, 4], \"rescale_factor\": 0.5, \"resample\": 3,"
        "\"size\": {\"height\": 224, \"width\": 224}, \"image_grid_pinpoints\": [[224, 448], [448, 224]]}}";
    thx_recipe   r;
    thorax_error err;

    (void)state;
    assert_ok(read_with(&r, NULL, text, &hints, &err), err);
    assert_true(r.mean[1] == 0.2 && r.std[2] == 4 && r.rescale == 0.5);
    assert_int_equal(r.patch_px, 16);
    assert_int_equal(r.max_patches, 4);
    /* the older file counts where both are there */
    assert_ok(
        read_with(
            &r,
            "{\"image_mean\": 0.5, \"size\": 224, \"image_grid_pinpoints\": [[224, 448], [448, 224]]}",
            text, &hints, &err),
        err);
    assert_true(r.mean[1] == 0.5);
}

static void refusals(void **state)
{
    static const struct { const char *text, *named; } bad[] = {
        { "{\"do_rescale\": false}", "do_rescale" },
        { "{\"do_normalize\": false}", "do_normalize" },
        { "{\"do_resize\": 0}", "do_resize" },
        { "{\"resample\": 2}", "resample" },
        { "{\"rescale_factor\": \"1\"}", "rescale_factor" },
        { "{\"image_mean\": [0.5, 0.5]}", "image_mean" },
        { "{\"image_std\": [0.5, 0.5, 0]}", "image_std" },
        { "{\"size\": {\"height\": 384, \"width\": 336}}", "size" },
        { "{\"image_processor_type\": \"CLIPImageProcessor\"}", "CLIPImageProcessor" },
        { "{\"image_grid_pinpoints\": [[384, 384]]}", "image_grid_pinpoints" },
        { "{\"image_grid_pinpoints\": [[384]]}", "image_grid_pinpoints" },
        { "{\"image_grid_pinpoints\": \"(1x1),...,(6x6)\"}", "image_grid_pinpoints" },
        { "[]", "object" },
        { "{\"size\": ", "JSON" },
        { "", "JSON" },
    };
    thx_recipe   r;
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_with(&r, bad[i].text, NULL, NULL, &err), THORAX_MODEL);
        if (!strstr(err.text, bad[i].named))
            fail_msg("'%s' does not name %s", err.text, bad[i].named);
        assert_non_null(strstr(err.text, "preprocessor_config.json"));
    }
    const thx_recipe_hints uneven = { 384, 14, 1, { { 384, 500 } }, 9 };
    assert_int_equal(read_with(&r, NULL, NULL, &uneven, &err), THORAX_MODEL);
    const thx_recipe_hints huge = { 384, 14, 1, { { 384, 384 * 65 } }, 9 };
    assert_int_equal(read_with(&r, NULL, NULL, &huge, &err), THORAX_MODEL);
}

static thorax_status open_clip_with(thx_recipe *r, const char *text, thorax_error *err)
{
    json_t             *settings = json_loads(text, JSON_DECODE_ANY, NULL);
    const thorax_status st = thx_recipe_open_clip(r, settings, "open_clip_config.json", 224, 16, err);

    json_decref(settings);
    return st;
}

static void open_clip(void **state)
{
    static const struct { const char *text, *named; } bad[] = {
        { "{\"interpolation\": \"bilinear\"}", "interpolation" }, { "{\"resize_mode\": \"squash\"}", "resize_mode" },
        { "{\"mode\": \"L\"}", "mode" },                          { "{\"mean\": [0.5, 0.5]}", "mean" },
        { "{\"std\": [0.5, 0, 0.5]}", "std" },                      { "[]", "preprocess_cfg" },
    };
    thx_recipe   r;
    thorax_error err;

    (void)state;
    assert_ok(open_clip_with(&r, "{\"size\": 384, \"mean\": [0.5, 0.25, 0.5], \"std\": null}", &err), err);
    assert_int_equal(r.kind, THX_RECIPE_CROP);
    assert_int_equal(r.tile_px, 224);
    assert_int_equal(r.patch_px, 16);
    assert_true(r.mean[1] == 0.25 && r.std[1] == 0.26130258);
    assert_ok(open_clip_with(&r, "null", &err), err);
    assert_true(r.mean[1] == 0.4578275);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_clip_with(&r, bad[i].text, &err), THORAX_MODEL);
        if (!strstr(err.text, bad[i].named)) fail_msg("'%s' does not name %s", err.text, bad[i].named);
    }
}

static void deep_json(void **state)
{
    char         text[20001];
    thx_recipe   r;
    thorax_error err;

    (void)state;
    memset(text, '[', 20000);
    text[20000] = 0;
    assert_int_equal(read_with(&r, text, NULL, NULL, &err), THORAX_MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file), cmocka_unit_test(class_defaults), cmocka_unit_test(nested),
        cmocka_unit_test(refusals), cmocka_unit_test(open_clip), cmocka_unit_test(deep_json),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
