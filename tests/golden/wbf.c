/* data-wbf: generic.json, cases of box fusion; radvlm.json, of RadVLM's use of it. Where the sort of equal scores
 * decides, both rules are checked: NumPy's order, and that of a stable sort. */
#include "golden.h"

#include "vectors/fusion_cases.h"

static void check_radvlm(golden *g, const json_t *c)
{
    const json_t *input = json_object_get(c, "input"), *stable = json_object_get(c, "expected_stable");
    char          reason[FUSION_REASON] = "";
    bool          good = fusion_radvlm(input, json_object_get(c, "expected"), false, reason);

    if (good) good = fusion_radvlm(input, stable ? stable : json_object_get(c, "expected"), stable != NULL, reason);
    golden_check(g, good, golden_text(c, "id"), "%s%s", golden_text(c, "note"), good ? "" : reason);
}

static void check_generic(golden *g, const json_t *c)
{
    char       reason[FUSION_REASON] = "";
    const bool good = fusion_generic(json_object_get(c, "input"), json_object_get(c, "expected"), reason);

    golden_check(g, good, golden_text(c, "id"), "%s%s", golden_text(c, "note"), good ? "" : reason);
}

static void check_file(golden *g, const char *name, void (*check)(golden *, const json_t *))
{
    json_t       *root = golden_json(g, name);
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(root, "cases"), i, c) check(g, c);
    json_decref(root);
}

void golden_wbf(golden *g)
{
    check_file(g, "generic.json", check_generic);
    check_file(g, "radvlm.json", check_radvlm);
}
