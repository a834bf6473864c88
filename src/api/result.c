/* Results of the public header: views of what a task made; see thorax.h. */
#include "api/api.h"

#include <stdlib.h>

void thorax_result_close(thorax_result *result)
{
    if (!result) return;
    thx_result_close(result->result);
    free(result->json);
    free(result);
}

const char *thorax_result_task(const thorax_result *result) { return result->result->task; }
const char *thorax_result_text(const thorax_result *result) { return result->result->text; }
bool thorax_result_complete(const thorax_result *result) { return result->result->complete; }
thorax_usage thorax_result_usage(const thorax_result *result) { return result->result->usage; }

const int32_t *thorax_result_ids(const thorax_result *result, size_t *n)
{
    *n = result->result->ids.size;
    return result->result->ids.data;
}

const thorax_finding *thorax_result_findings(const thorax_result *result, size_t *n)
{
    *n = result->result->n_findings;
    return result->result->findings;
}

const thorax_labelled_box *thorax_result_boxes(const thorax_result *result, size_t *n)
{
    *n = result->result->n_boxes;
    return result->result->boxes;
}

const char *thorax_result_json(thorax_result *result)
{
    if (!result->json) result->json = thx_result_to_json(result->result);
    return result->json;
}

thorax_status thorax_result_overlay(const thorax_result *result, const thorax_film *film,
                                    const char *path, thorax_error *err)
{
    return thx_result_write_overlay(result->result, &film->picture, path, err);
}
