/* preprocessor_config.json of a model folder, open_clip's settings, and the geometry of what is accepted. */
#include "base/file.h"
#include "prep/recipe.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const thx_recipe_hints hints = { 224, 16, 2, { { 224, 448 }, { 448, 224 } }, 4 };
    char         folder[64], path[128];
    thx_recipe   r;
    thx_geometry g;

    snprintf(folder, sizeof folder, "/tmp/fuzz-recipe-%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/preprocessor_config.json", folder);
    json_t *settings = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    if (!thx_recipe_open_clip(&r, settings, "fuzz", 224, 16, NULL)) (void)!thx_geometry_plan(&g, &r, 31, 3056, NULL);
    json_decref(settings);
    if (thx_folder_make(folder, NULL)) return 0;
    if (!thx_file_write(path, data, size, NULL)) {
        if (!thx_recipe_read(&r, folder, NULL, NULL))
            (void)!thx_geometry_plan(&g, &r, 2544, 3056, NULL);
        if (!thx_recipe_read(&r, folder, &hints, NULL))
            (void)!thx_geometry_plan(&g, &r, 31, 3056, NULL);
    }
    unlink(path);
    rmdir(folder);
    return 0;
}
