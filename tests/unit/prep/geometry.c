/* Geometry: the worked tables of the method's description, its floating-point traps, thin films. */
#include "check.h"

#include "prep/prep.h"
#include "prep/recipe.h"

static thx_recipe radvlm(thx_compat compat)
{
    thx_recipe   r;
    thorax_error err;

    assert_ok(thx_recipe_read(&r, "/no/such/folder", NULL, &err), err);
    r.compat = compat;
    return r;
}

static thx_geometry plan(uint32_t width, uint32_t height, thx_compat compat)
{
    const thx_recipe r = radvlm(compat);
    thx_geometry     g;
    thorax_error     err;

    assert_ok(thx_geometry_plan(&g, &r, width, height, &err), err);
    return g;
}

static void pair_is(const uint32_t got[2], uint32_t a, uint32_t b)
{
    assert_int_equal(got[0], a);
    assert_int_equal(got[1], b);
}

static void worked_examples(void **state)
{
    static const struct {
        uint32_t w, h, best[2], tiles, resized[2], pad[4], patches[2], unpadded[2], final[2],
            tokens;
    } rows[] = {
        { 2544,
          3056,
          { 2304, 1920 },
          31,
          { 2304, 1918 },
          { 0, 0, 1, 1 },
          { 162, 135 },
          { 162, 135 },
          { 88, 73 },
          7241 },
        { 3056,
          2544,
          { 1920, 2304 },
          31,
          { 1918, 2304 },
          { 1, 1, 0, 0 },
          { 135, 162 },
          { 135, 162 },
          { 73, 88 },
          7226 },
        { 2048,
          2500,
          { 2304, 1920 },
          31,
          { 2304, 1888 },
          { 0, 0, 16, 16 },
          { 162, 135 },
          { 162, 133 },
          { 89, 73 },
          7315 },
        { 2320,
          2828,
          { 2304, 1920 },
          31,
          { 2304, 1891 },
          { 0, 0, 14, 15 },
          { 162, 135 },
          { 162, 133 },
          { 89, 73 },
          7315 },
        { 2022,
          2022,
          { 2304, 2304 },
          37,
          { 2304, 2304 },
          { 0, 0, 0, 0 },
          { 162, 162 },
          { 162, 162 },
          { 81, 81 },
          7371 },
        { 1920,
          1920,
          { 1920, 1920 },
          26,
          { 1920, 1920 },
          { 0, 0, 0, 0 },
          { 135, 135 },
          { 135, 135 },
          { 80, 80 },
          7209 },
        { 1024,
          1024,
          { 1152, 1152 },
          10,
          { 1152, 1152 },
          { 0, 0, 0, 0 },
          { 81, 81 },
          { 81, 81 },
          { 81, 81 },
          7371 },
        { 1024,
          899,
          { 1152, 1152 },
          10,
          { 1012, 1152 },
          { 70, 70, 0, 0 },
          { 81, 81 },
          { 71, 81 },
          { 71, 81 },
          6551 },
        { 640,
          480,
          { 768, 768 },
          5,
          { 576, 768 },
          { 96, 96, 0, 0 },
          { 54, 54 },
          { 40, 54 },
          { 40, 54 },
          2929 },
        { 512,
          512,
          { 768, 768 },
          5,
          { 768, 768 },
          { 0, 0, 0, 0 },
          { 54, 54 },
          { 54, 54 },
          { 54, 54 },
          3699 },
        { 384,
          384,
          { 384, 384 },
          2,
          { 384, 384 },
          { 0, 0, 0, 0 },
          { 27, 27 },
          { 27, 27 },
          { 27, 27 },
          1485 },
        { 390,
          320,
          { 384, 768 },
          3,
          { 384, 468 },
          { 0, 0, 150, 150 },
          { 27, 54 },
          { 27, 32 },
          { 27, 32 },
          1620 },
        { 3000,
          1000,
          { 768, 2304 },
          13,
          { 768, 2304 },
          { 0, 0, 0, 0 },
          { 54, 162 },
          { 54, 162 },
          { 46, 140 },
          7215 },
        { 1000,
          3000,
          { 2304, 768 },
          13,
          { 2304, 768 },
          { 0, 0, 0, 0 },
          { 162, 54 },
          { 162, 54 },
          { 140, 46 },
          7309 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const thx_geometry g = plan(rows[i].w, rows[i].h, THX_COMPAT_CURRENT);
        assert_memory_equal(g.best, rows[i].best, sizeof g.best);
        assert_int_equal(g.tiles, rows[i].tiles);
        assert_memory_equal(g.resized, rows[i].resized, sizeof g.resized);
        assert_memory_equal(g.pad, rows[i].pad, sizeof g.pad);
        assert_memory_equal(g.patches, rows[i].patches, sizeof g.patches);
        assert_memory_equal(g.unpadded, rows[i].unpadded, sizeof g.unpadded);
        assert_memory_equal(g.final, rows[i].final, sizeof g.final);
        assert_int_equal(g.image_tokens, rows[i].tokens);
    }
}

static void floating_point_traps(void **state)
{
    (void)state;
    pair_is(plan(1856, 464, THX_COMPAT_CURRENT).resized, 481,
            1920); /* 480.00000000000006 rounds up */
    assert_int_equal(plan(1537, 1537, THX_COMPAT_CURRENT).final[0], 80); /* 135 // 1.666… */
    /* a whole number of rows by arithmetic, a hair less by floating point: 4.46 truncates it */
    static const uint32_t sizes[][2] = { { 1791, 597 }, { 1713, 571 }, { 638, 1914 } };
    for (size_t i = 0; i < 3; i++) {
        const uint32_t     w = sizes[i][0], h = sizes[i][1];
        const thx_geometry now = plan(w, h, THX_COMPAT_CURRENT), old = plan(w, h, THX_COMPAT_446);
        assert_int_equal(now.unpadded[0] + now.unpadded[1], old.unpadded[0] + old.unpadded[1] + 2);
    }
}

static void odd_padding_of_446(void **state)
{
    const thx_geometry g = plan(2320, 2828, THX_COMPAT_446);

    (void)state;
    assert_int_equal(g.pad[2], 14);
    assert_int_equal(g.pad[3], 14);
    assert_int_equal(plan(2544, 3056, THX_COMPAT_446).pad[3], 1);
}

/* Films that leave no feature row or column: the base tile and, for columns, bare newlines remain.
 */
static void thin_films(void **state)
{
    thx_recipe   r = radvlm(THX_COMPAT_CURRENT);
    thx_geometry g;
    thorax_error err;

    (void)state;
    pair_is(plan(1, 4096, THX_COMPAT_CURRENT).final, 27, 1);
    pair_is(plan(4096, 1, THX_COMPAT_CURRENT).final, 1, 27);
    r.tile_px = 224;
    r.patch_px = 16;
    r.max_patches = 4;
    r.n_pinpoints = 2;
    memcpy(r.pinpoints, (uint32_t[2][2]){ { 672, 224 }, { 224, 672 } }, sizeof r.pinpoints[0] * 2);
    assert_ok(thx_geometry_plan(&g, &r, 1901, 16, &err), err);
    pair_is(g.final, 0, 42);
    assert_int_equal(g.image_tokens, 196);
    assert_ok(thx_geometry_plan(&g, &r, 33, 1564, &err), err);
    pair_is(g.final, 42, 0);
    assert_int_equal(g.image_tokens, 238);
}

/* open_clip's crop: what the reference makes of some sizes, halves that Python rounds to even among them. */
static void crops(void **state)
{
    static const struct { uint32_t w, h, resized[2], cut[2]; } rows[] = {
        { 2544, 3056, { 622, 518 }, { 52, 0 } }, { 3056, 2544, { 518, 622 }, { 0, 52 } },
        { 2048, 2500, { 632, 518 }, { 57, 0 } }, { 518, 519, { 519, 518 }, { 0, 0 } },
        { 518, 521, { 521, 518 }, { 2, 0 } },    { 512, 512, { 518, 518 }, { 0, 0 } },
        { 1477, 1198, { 518, 638 }, { 0, 60 } }, { 640, 664, { 537, 518 }, { 10, 0 } },
    };
    thx_recipe   r;
    thx_geometry g;
    thorax_error err;

    (void)state;
    assert_ok(thx_recipe_open_clip(&r, NULL, "config", 518, 14, &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(thx_geometry_plan(&g, &r, rows[i].w, rows[i].h, &err), err);
        pair_is(g.resized, rows[i].resized[0], rows[i].resized[1]);
        pair_is(g.cut, rows[i].cut[0], rows[i].cut[1]);
        pair_is(g.patches, 37, 37);
        pair_is(g.final, 37, 37);
        assert_int_equal(g.tiles, 1);
        assert_int_equal(g.image_tokens, 1369);
    }
    assert_ok(thx_geometry_plan(&g, &r, 100, 12000, &err), err);
    assert_int_equal(thx_geometry_plan(&g, &r, 1, 4096, &err), THORAX_FILM);
    assert_non_null(strstr(err.text, "1x4096"));
    r.patch_px = 519;
    assert_int_equal(thx_geometry_plan(&g, &r, 60, 60, &err), THORAX_MODEL);
}

static void bad_input(void **state)
{
    thx_recipe   r = radvlm(THX_COMPAT_CURRENT);
    thx_geometry g;
    thorax_error err;

    (void)state;
    assert_int_equal(thx_geometry_plan(&g, &r, 0, 5, &err), THORAX_FILM);
    assert_int_equal(thx_geometry_plan(&g, &r, 5, 0, &err), THORAX_FILM);
    assert_int_equal(thx_geometry_plan(&g, &r, UINT32_MAX, UINT32_MAX, &err), THORAX_FILM);
    r.max_patches = 1; /* 1 x 1458 features in a grid for 1 tile: scaling down leaves no row */
    r.n_pinpoints = 1;
    r.pinpoints[0][0] = 384;
    r.pinpoints[0][1] = 384 * 54;
    assert_int_equal(thx_geometry_plan(&g, &r, 60000, 60, &err), THORAX_FILM);
    r.pinpoints[0][1] = 385;
    assert_int_equal(thx_geometry_plan(&g, &r, 60, 60, &err), THORAX_MODEL);
    r.n_pinpoints = 0;
    assert_int_equal(thx_geometry_plan(&g, &r, 60, 60, &err), THORAX_MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_examples),    cmocka_unit_test(floating_point_traps),
        cmocka_unit_test(odd_padding_of_446), cmocka_unit_test(thin_films),
        cmocka_unit_test(crops),              cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
