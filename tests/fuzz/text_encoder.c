/* config.json of a text encoder: the input is the file. */
#include "model/text_encoder_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t            *json = json_loadb((const char *)data, size, 0, NULL);
    thx_text_kind      kind;
    thx_encoder_config config;
    thx_encoder_layout layout;

    if (json_is_object(json) && !thx_text_config_read(&kind, &config, &layout, json, "config.json", NULL) &&
        (!config.D || !config.H || config.D % config.H || !layout.names))
        __builtin_trap();
    json_decref(json);
    return 0;
}
