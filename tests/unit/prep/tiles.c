/* Tiles: byte for byte what the original processors hand to the model, release by release. */
#include "check.h"

#include "base/hash.h"
#include "base/json.h"
#include "prep/prep.h"
#include "prep/recipe.h"

static void hash_tiles(const thx_tiles *t, uint32_t tile_px, char hex[65])
{
    const size_t n = (size_t)3 * tile_px * tile_px;
    float       *tile = malloc(n * sizeof *tile);
    thx_sha256   h;

    assert_non_null(tile);
    thx_sha256_init(&h);
    for (uint32_t i = 0; i < thx_tiles_geometry(t)->tiles; i++) {
        thx_tiles_get(t, i, tile);
        thx_sha256_add(&h, tile, n * sizeof *tile);
    }
    thx_sha256_end(&h, hex);
    free(tile);
}

static uint32_t number(const json_t *object, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(object, key));
}

/* One conversation with a film: size, grid, cost and every float. */
static void check_case(const json_t *c, thx_recipe r)
{
    const char  *name = json_string_value(json_object_get(c, "name"));
    const json_t *grid = json_object_get(c, r.kind == THX_RECIPE_CROP ? "grid" : "rows_grid");
    thx_film    *film;
    thx_picture  picture;
    thx_tiles   *tiles;
    thorax_error err;
    char         hex[65];

    if (json_object_get(c, "compat")) r.compat = THX_COMPAT_446;
    assert_ok(thx_film_open(&film, shared_path(json_string_value(json_object_get(c, "film"))), NULL,
                            &err),
              err);
    assert_ok(thx_film_render(&picture, film, THX_PROFILE_PILLOW, &err), err);
    assert_ok(thx_tiles_open(&tiles, &picture, &r, &err), err);
    const thx_geometry *g = thx_tiles_geometry(tiles);
    assert_int_equal(g->width, number(c, "width"));
    assert_int_equal(g->height, number(c, "height"));
    assert_int_equal(g->tiles, number(c, "tiles"));
    assert_int_equal(g->image_tokens, number(c, "image_tokens"));
    assert_int_equal(g->final[0], json_integer_value(json_array_get(grid, 0)));
    assert_int_equal(g->final[1], json_integer_value(json_array_get(grid, 1)));
    hash_tiles(tiles, r.tile_px, hex);
    if (strcmp(hex, json_string_value(json_object_get(c, "tiles_sha256"))))
        fail_msg("%s: the tiles differ", name);
    thx_tiles_close(tiles);
    thx_picture_deinit(&picture);
    thx_film_close(film);
}

static void check_set(const char *set, const thx_recipe_hints *hints)
{
    char         path[256];
    json_t      *root;
    const json_t *c;
    thx_recipe   r;
    thorax_error err;
    size_t       i;
    unsigned     n = 0;

    snprintf(path, sizeof path, "golden/%s/cases.json", set);
    assert_ok(thx_json_read(&root, shared_path(path), 64 << 20, &err), err);
    snprintf(path, sizeof path, "golden/%s/model", set);
    assert_ok(thx_recipe_read(&r, shared_path(path), hints, &err), err);
    json_array_foreach(json_object_get(root, "cases"), i, c) {
        if (!json_object_get(c, "tiles_sha256")) continue;
        check_case(c, r);
        n++;
    }
    json_decref(root);
    print_message("%s: %u films\n", set, n);
    assert_true(n > 0);
}

static void set_a(void **state) { (void)state; check_set("radvlm-a", NULL); }
static void set_b(void **state) { (void)state; check_set("radvlm-b", NULL); }
static void set_c(void **state) { (void)state; check_set("radvlm-c", NULL); }
static void set_d(void **state) { (void)state; check_set("radvlm-d", NULL); }

static void set_e(void **state)
{
    static const thx_recipe_hints hints = { 224,
                                            16,
                                            7,
                                            { { 224, 448 },
                                              { 448, 224 },
                                              { 448, 448 },
                                              { 672, 224 },
                                              { 224, 672 },
                                              { 672, 448 },
                                              { 448, 672 } },
                                            4 };

    (void)state;
    check_set("radvlm-e", &hints);
}

/* open_clip's crop of films of all kinds. JPEG decoders may differ by a few levels from the reference's, so such films
 * have no hash here. */
static void crops(void **state)
{
    json_t       *root;
    const json_t *c;
    thx_recipe    r;
    thorax_error  err;
    size_t        i;

    (void)state;
    assert_ok(thx_json_read(&root, shared_path("golden/llavarad-prep/cases.json"), 64 << 20, &err), err);
    assert_ok(thx_recipe_open_clip(&r, NULL, "config", number(root, "size"), 14, &err), err);
    json_array_foreach(json_object_get(root, "cases"), i, c)
        if (json_object_get(c, "tiles_sha256")) check_case(c, r);
    json_decref(root);
}

/* What one byte becomes, in bits, for the usual recipe. */
static void float_values(void **state)
{
    static const struct { unsigned char byte; uint32_t bits; } want[] = {
        { 0, 0xbf800000 }, { 1, 0xbf7dfdfe }, { 64, 0xbefefefe }, { 127, 0xbb808080 },
        { 128, 0x3b808100 }, { 200, 0x3f119192 }, { 255, 0x3f800000 },
    };
    enum { SIDE = 384 };
    float        *tile = malloc(sizeof *tile * 3 * SIDE * SIDE);
    unsigned char pixels[SIDE * SIDE];
    thx_recipe    r;
    thx_tiles    *tiles;
    thorax_error  err;

    (void)state;
    assert_ok(thx_recipe_read(&r, "/no/such/folder", NULL, &err), err);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        uint32_t bits;
        memset(pixels, want[i].byte, sizeof pixels);
        assert_ok(thx_tiles_open(&tiles, &(thx_picture){ SIDE, SIDE, 1, pixels }, &r, &err), err);
        assert_int_equal(thx_tiles_geometry(tiles)->tiles, 2);
        thx_tiles_get(tiles, 1, tile);
        memcpy(&bits, tile + 2 * SIDE * SIDE + 77, sizeof bits);
        assert_int_equal(bits, want[i].bits);
        thx_tiles_close(tiles);
    }
    free(tile);
}

/* A grey picture and the same picture as three equal channels give the same floats. */
static void grey_is_rgb(void **state)
{
    enum { W = 501, H = 400 };
    static unsigned char grey[W * H], rgb[W * H * 3];
    thx_recipe   r;
    thorax_error err;
    char         a[65], b[65];
    thx_tiles   *t;

    (void)state;
    for (size_t i = 0; i < sizeof grey; i++) grey[i] = (unsigned char)(i * 31 ^ i / W * 7);
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = grey[i / 3];
    assert_ok(thx_recipe_read(&r, "/no/such/folder", NULL, &err), err);
    for (int compat = 0; compat < 2; compat++) {
        r.compat = compat ? THX_COMPAT_446 : THX_COMPAT_CURRENT;
        assert_ok(thx_tiles_open(&t, &(thx_picture){ W, H, 1, grey }, &r, &err), err);
        hash_tiles(t, r.tile_px, a);
        thx_tiles_close(t);
        assert_ok(thx_tiles_open(&t, &(thx_picture){ W, H, 3, rgb }, &r, &err), err);
        hash_tiles(t, r.tile_px, b);
        thx_tiles_close(t);
        assert_string_equal(a, b);
    }
}

static void bad_input(void **state)
{
    unsigned char pixel[4] = { 0 };
    thx_recipe    r;
    thx_tiles    *t;
    thorax_error  err;

    (void)state;
    assert_ok(thx_recipe_read(&r, "/no/such/folder", NULL, &err), err);
    assert_int_equal(thx_tiles_open(&t, &(thx_picture){ 2, 1, 2, pixel }, &r, &err), THORAX_USAGE);
    assert_null(t);
    assert_int_equal(thx_tiles_open(&t, &(thx_picture){ 0, 1, 1, pixel }, &r, &err), THORAX_FILM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_a),       cmocka_unit_test(set_b),     cmocka_unit_test(set_c),
        cmocka_unit_test(set_d),       cmocka_unit_test(set_e),     cmocka_unit_test(float_values),
        cmocka_unit_test(grey_is_rgb), cmocka_unit_test(bad_input), cmocka_unit_test(crops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
