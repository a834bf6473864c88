/* thorax inspect geometry, tiles, features: the way of a film into the language model. */
#include "base/npy.h"
#include "cli/inspect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Geometry ---- */

static json_t *pair(const uint32_t p[2])
{
    return json_pack("[I,I]", (json_int_t)p[0], (json_int_t)p[1]);
}

/* The grid that a film's rows come from: of tiles, or of patches where there is one tile. */
static const uint32_t *grid_of(const thx_recipe *r, const thx_geometry *g)
{
    return r->kind == THX_RECIPE_CROP ? g->patches : g->grid;
}

static json_t *geometry_json(const thx_recipe *r, const thx_geometry *g)
{
    json_t *json =
        json_pack("{s:[I,I], s:o, s:o, s:o, s:[I,I,I,I], s:o, s:o, s:I}", "size", (json_int_t)g->width,
                  (json_int_t)g->height, "best", pair(g->best), "resized", pair(g->resized), "grid",
                  pair(grid_of(r, g)), "pad", (json_int_t)g->pad[0], (json_int_t)g->pad[1], (json_int_t)g->pad[2],
                  (json_int_t)g->pad[3], "unpadded", pair(g->unpadded), "final", pair(g->final), "image_tokens",
                  (json_int_t)g->image_tokens);

    if (r->kind == THX_RECIPE_CROP) json_object_set_new(json, "cut", pair(g->cut));
    return json;
}

/* "640x480" */
static bool parse_size(uint32_t size[2], const char *text)
{
    for (int i = 0; i < 2; i++) {
        char *end;
        errno = 0;
        if (*text < '0' || *text > '9') return false;
        const unsigned long n = strtoul(text, &end, 10);
        if (errno || n > UINT32_MAX || (i ? *end != 0 : *end != 'x' && *end != 'X')) return false;
        size[i] = (uint32_t)n;
        text = end + 1;
    }
    return true;
}

int cli_inspect_geometry(const cli_values *v)
{
    const char *folder = cli_need(v, CLI_MODEL);
    const thx_model_options options = cli_model_options(v);
    thx_model *m;
    thorax_error err;
    size_t at = 0;
    int code = CLI_OK;

    if (!folder || !cli_operands(v, 0, false, "no argument") || !cli_need(v, CLI_SIZE))
        return CLI_USAGE;
    if (thx_model_open_parts(&m, folder, &options, false, true, &err)) return cli_fail(v, &err);
    for (const char *text; !code && (text = cli_next(v, CLI_SIZE, &at));) {
        uint32_t size[2];
        thx_geometry g;
        if (!parse_size(size, text))
            code =
                cli_fail_text(v, CLI_USAGE, "--size: expected WIDTHxHEIGHT, found \"%.40s\"", text);
        else if (thx_geometry_plan(&g, &m->recipe, size[0], size[1], &err))
            code = cli_fail(v, &err);
        else code = cli_print_json(v, geometry_json(&m->recipe, &g));
    }
    thx_model_close(m);
    return code;
}

/* ---- Tiles ---- */

static thorax_status write_tiles(const thx_tiles *t, const thx_recipe *recipe, const char *path,
                                 thorax_error *err)
{
    const thx_geometry *g = thx_tiles_geometry(t);
    const size_t side = recipe->tile_px, bytes = 3 * side * side * sizeof(float);
    thx_npy_writer *w = NULL;
    float *tile = malloc(bytes);

    if (!tile) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for a tile", path);
    thorax_status st = thx_npy_begin(&w, path, "f4", (size_t[]){ g->tiles, 3, side, side }, 4, err);
    for (uint32_t i = 0; !st && i < g->tiles; i++) {
        thx_tiles_get(t, i, tile);
        st = thx_npy_add(w, tile, bytes, err);
    }
    if (st) thx_npy_cancel(w);
    else st = thx_npy_end(w, err);
    free(tile);
    return st;
}

int cli_inspect_tiles(const cli_values *v)
{
    const char *folder = cli_need(v, CLI_MODEL), *out = cli_text(v, CLI_OUTPUT);
    thx_picture picture = { 0 };
    const thx_model_options options = cli_model_options(v);
    thx_model *m = NULL;
    thx_tiles *t = NULL;
    thorax_error err;

    if (!folder || !cli_need(v, CLI_IMAGE) || !cli_operands(v, 0, false, "no argument"))
        return CLI_USAGE;
    thorax_status st = thx_model_open_parts(&m, folder, &options, false, true, &err);
    if (!st) {
            st = cli_picture_open(&picture, v, &err);
    }
    if (!st) st = thx_tiles_open(&t, &picture, &m->recipe, &err);
    if (!st && out) st = write_tiles(t, &m->recipe, out, &err);
    int code = st ? cli_fail(v, &err) : CLI_OK;
    if (!code) {
        const thx_geometry *g = thx_tiles_geometry(t);
        code = cli_print_json(v, json_pack("{s:I, s:I, s:o, s:I}", "width", (json_int_t)g->width,
                                           "height", (json_int_t)g->height, "grid", pair(grid_of(&m->recipe, g)),
                                           "image_tokens", (json_int_t)g->image_tokens));
    }
    thx_tiles_close(t);
    thx_picture_deinit(&picture);
    thx_model_close(m);
    return code;
}

/* ---- Features ---- */

typedef struct sink { thx_npy_writer *writer; } sink;

static thorax_status add_rows(void *data, thx_tensor rows, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < rows.rows; i++)
        st = thx_npy_add(((sink *)data)->writer, rows.data + i * rows.stride,
                         rows.cols * sizeof(float), err);
    return st;
}

/* Shape of a stage: tower [tiles, P, Dv], projector [tiles, P, D], rows [N, D]. */
static size_t stage_shape(size_t shape[3], const thx_model *m, const thx_geometry *g,
                          const char *stage)
{
    const size_t D = m->decoder.config.D;

    if (!strcmp(stage, "rows")) {
        shape[0] = g->image_tokens;
        shape[1] = D;
        return 2;
    }
    shape[0] = g->tiles;
    shape[1] = thx_vit_patches(&m->vit.config);
    shape[2] = !strcmp(stage, "tower") ? m->vit.config.D : D;
    return 3;
}

static thorax_status write_stage(thx_session *session, const thx_model *m, const char *stage,
                                 const char *path, cli_progress *p, size_t shape[3], size_t *rank,
                                 thorax_error *err)
{
    const thx_geometry *g = thx_session_geometry(session);
    const thx_progress progress = { .step = cli_progress_step, .data = p };
    const float *rows;
    sink s = { 0 };
    thx_stage_sink stages = { .data = &s };

    if (!strcmp(stage, "tower")) stages.tower = add_rows;
    if (!strcmp(stage, "projector")) stages.projector = add_rows;
    *rank = stage_shape(shape, m, g, stage);
    thorax_status st = thx_npy_begin(&s.writer, path, "f4", shape, *rank, err);
    if (st) return st;
    st = thx_session_encode(session, &progress, &stages, &rows, err);
    if (!st && !strcmp(stage, "rows"))
        st = thx_npy_add(s.writer, rows, shape[0] * shape[1] * sizeof *rows, err);
    if (st) thx_npy_cancel(s.writer);
    else st = thx_npy_end(s.writer, err);
    return st;
}

static json_t *shape_json(const char *stage, const size_t *shape, size_t rank)
{
    json_t *list = json_array();

    for (size_t i = 0; i < rank; i++)
        json_array_append_new(list, json_integer((json_int_t)shape[i]));
    return json_pack("{s:s, s:o}", "stage", stage, "shape", list);
}

int cli_inspect_features(const cli_values *v)
{
    const char *stage = NULL, *out = NULL;
    thx_picture picture = { 0 };
    thx_engine *e = NULL;
    thx_session *s = NULL;
    size_t shape[3], rank = 0;
    cli_progress progress;
    thorax_error err;

    if (!cli_need(v, CLI_MODEL) || !cli_need(v, CLI_IMAGE) || !(stage = cli_need(v, CLI_STAGE)) ||
        !(out = cli_need(v, CLI_OUTPUT)) || !cli_operands(v, 0, false, "no argument"))
        return CLI_USAGE;
    cli_progress_init(&progress, cli_switch(v, CLI_QUIET));
    thorax_status st = cli_picture_open(&picture, v, &err);
    if (!st) st = cli_engine_open(&e, v, &err);
    if (!st) st = thx_session_open(&s, e, &picture, &err);
    if (!st) st = write_stage(s, thx_engine_model(e), stage, out, &progress, shape, &rank, &err);
    cli_progress_clear(&progress);
    const int code = st ? cli_fail(v, &err) : cli_print_json(v, shape_json(stage, shape, rank));
    thx_session_close(s);
    thx_engine_close(e);
    thx_picture_deinit(&picture);
    return code;
}
