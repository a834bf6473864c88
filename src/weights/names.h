/* Names of files of weights, before and after they become safetensors. */
#ifndef THX_WEIGHTS_NAMES_H
#define THX_WEIGHTS_NAMES_H

#include "base/error.h"

enum { THX_WEIGHTS_NAME = 320 }; /* bytes of a file's name */

/* The name that a file of weights has as safetensors: "pytorch_model..." becomes "model...", and .bin, .pt and .pth
 * give way to .safetensors; any other name stays. `path` may have folders before it. */
void thx_safetensors_name(char out[THX_WEIGHTS_NAME], const char *path);

/* The path of a file of weights in `folder`: `name` ("adapter_model.bin") as safetensors where that is there, else
 * `name` itself; NULL where neither is. The caller frees *path. THORAX_NOMEM. */
thorax_status thx_weights_locate(char **path, const char *folder, const char *name, thorax_error *err);

#endif
