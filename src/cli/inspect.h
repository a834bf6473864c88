/* What the forms of `thorax inspect` share: thin covers over the rooms, JSON on standard output. */
#ifndef THX_CLI_INSPECT_H
#define THX_CLI_INSPECT_H

#include "cli/cli.h"
#include "engine/engine.h"

#include <jansson.h>

/* Prints a JSON object on one line and drops it. CLI_OK, or CLI_NO_MEMORY after an error line. */
int cli_print_json(const cli_values *v, json_t *json);

/* Text that may not be UTF-8 (names of tensors, paths). */
json_t *cli_json_text(const char *text, size_t size);
json_t *cli_json_ids(const int32_t *ids, size_t n);

/* The picture of -i in the profile of --profile (8-bit, as the model sees it). */
thorax_status cli_picture_open(thx_picture *out, const cli_values *v, thorax_error *err);
thorax_status cli_picture_open_at(thx_picture *out, const cli_values *v, const char *path,
                                  thorax_error *err);

/* The options given, and the engine of -m with them. */
thx_engine_options cli_engine_options(const cli_values *v);
thorax_status cli_engine_open(thx_engine **out, const cli_values *v, thorax_error *err);

/* The level of --cpu; -1 = the best there is. */
int cli_cpu_level(const cli_values *v);

/* The type of --type; THX_F32 stands for: as stored. */
thx_type cli_type(const cli_values *v);

/* The compat of --compat. */
thx_compat cli_compat(const cli_values *v);
thx_model_options cli_model_options(const cli_values *v); /* for looking at a folder: base, compat */

#endif
