/* Findings in text: sentences as reports have them, and the published substring rule. */
#include "check.h"
#include "text/text.h"

#include <jansson.h>

/* Short names, in the order of thx_finding_names. */
static const char *const codes[THX_FINDINGS] = { "atel", "card", "cons", "edem", "medi",
                                                 "frac", "lesi", "opac", "effu", "pleu",
                                                 "pneu", "ptx",  "devi", "none" };

/* What is said: "+x" present, "-x" absent; a finding that is not listed must be unsaid. "-all"
 * stands for all pathologies but those listed. */
typedef struct sentence_case { const char *text, *want; } sentence_case;

static const sentence_case cases[] = {
    /* plain mentions and lists */
    { "", "" },
    { "The X-ray shows cardiomegaly and pleural effusion.", "+card +effu -none" },
    { "Findings: Edema, Lung Opacity.", "+edem +opac -none" },
    { "ATELECTASIS; FRACTURE", "+atel +frac -none" },
    { "Atelectasis, consolidation, enlarged cardiomediastinum, lung lesion, pleural other and "
      "support devices.",
      "+atel +cons +medi +lesi +pleu +devi -none" },
    { "- Cardiomegaly\n- Pleural effusion\n- No pneumothorax", "+card +effu -ptx -none" },
    { "Pleural-effusion and cardio-megaly", "+effu +card -none" },
    { "Edema\xc2\xa0" "and lung\xc2\xa0opacity", "+edem +opac -none" },
    { "Lung\nopacity in the left\nlower zone.", "+opac -none" },
    { "Oedema and atelectases", "+edem +atel -none" },
    /* synonyms */
    { "The heart is enlarged.", "+card -none" },
    { "Enlarged heart.", "+card -none" },
    { "The cardiac silhouette is mildly enlarged.", "+card -none" },
    { "Moderate enlargement of the cardiac silhouette.", "+card -none" },
    { "The mediastinum is widened.", "+medi -none" },
    { "Mediastinal widening is noted.", "+medi -none" },
    { "The cardiomediastinal silhouette is enlarged.", "+medi -none" },
    { "There is pleural fluid on the left.", "+effu -none" },
    { "Blunting of the left costophrenic angle.", "+effu -none" },
    { "Patchy opacities in both lungs.", "+opac -none" },
    { "Air-space disease in the right base.", "+opac -none" },
    { "A 2.5 cm nodule/mass in the right upper lobe.", "+lesi -none" },
    { "Nodular opacities.", "+lesi +opac -none" },
    { "Pulmonary vascular congestion.", "+edem -none" },
    { "Old healed rib fractures.", "+frac -none" },
    { "Hydropneumothorax on the right.", "+ptx +effu -none" },
    { "Right apical pleural thickening.", "+pleu -none" },
    { "Collapse of the left lower lobe.", "+atel -none" },
    { "An endotracheal tube and a PICC line are in place.", "+devi" },
    { "Status post sternotomy with intact wires; right IJ line.", "+devi" },
    { "Sternotomy wires and a dual-lead pacemaker.", "+devi" },
    /* negation before */
    { "No pneumothorax.", "-ptx" },
    { "There is no focal consolidation, pleural effusion, or pneumothorax.", "-cons -effu -ptx" },
    { "No evidence of pneumonia, edema or fracture.", "-pneu -edem -frac" },
    { "The lungs are free of consolidation.", "-cons" },
    { "Neither pneumothorax nor pleural effusion.", "-ptx -effu" },
    { "Cardiomegaly without pleural effusion or edema.", "+card -effu -edem -none" },
    { "Negative for pneumothorax.", "-ptx" },
    { "Interval resolution of the right pleural effusion.", "-effu" },
    { "The heart is not enlarged.", "-card" },
    { "The heart isn\xe2\x80\x99t enlarged.", "-card" },
    { "Absence of pneumothorax and effusion.", "-ptx -effu" },
    /* negation after */
    { "Pleural effusion is absent.", "-effu" },
    { "The pneumothorax has resolved.", "-ptx" },
    { "Pleural effusion and pneumothorax are not seen.", "-effu -ptx" },
    { "Pneumonia was ruled out.", "-pneu" },
    { "The previously seen effusion is no longer present.", "-effu" },
    { "Pneumothorax: none. Edema: absent. Fracture: no", "-ptx -edem -frac" },
    { "The chest tube has been removed.", "-devi" },
    { "Consolidation is unlikely.", "-cons" },
    /* scope */
    { "No pneumothorax, but there is a small pleural effusion.", "-ptx +effu -none" },
    { "No pleural effusion; bibasilar atelectasis.", "-effu +atel -none" },
    { "No pneumothorax, and the heart is enlarged.", "-ptx +card -none" },
    { "No pneumothorax and the heart is enlarged.", "-ptx +card -none" },
    { "There is cardiomegaly and pleural effusion is not seen.", "+card -effu -none" },
    { "No pneumothorax, small left pleural effusion.", "-ptx +effu -none" },
    { "No effusion, consolidation is present.", "-effu +cons -none" },
    { "There is no pneumothorax, with a small left effusion.", "-ptx +effu -none" },
    { "No abnormality other than cardiomegaly.", "+card -none" },
    { "No consolidation however edema is present", "-cons +edem -none" },
    { "No pleural effusion on the right. Small pleural effusion on the left.", "+effu -none" },
    { "The heart is enlarged, the lungs are clear, no effusion.",
      "+card -opac -cons -edem -effu -none" },
    /* what only looks like negation; doubt counts as present */
    { "No significant change in the pleural effusion.", "+effu -none" },
    { "Pneumonia cannot be excluded.", "+pneu -none" },
    { "Possible pneumonia; consolidation cannot be excluded.", "+pneu +cons -none" },
    { "The pneumothorax has not resolved.", "+ptx -none" },
    { "The effusion has nearly resolved.", "+effu -none" },
    { "Opacity may represent atelectasis or pneumonia.", "+opac +atel +pneu -none" },
    { "Improved edema.", "+edem -none" },
    { "There is no longer a pneumothorax.", "-ptx" },
    { "Pneumothorax, which was seen previously, has resolved.", "-ptx" },
    { "Pleural effusion was seen and has resolved.", "-effu" },
    { "The heart shadow is not increased in size.", "-card" },
    { "The effusion is not increased.", "+effu -none" },
    { "Skin folds mimic a pneumothorax.", "-ptx" },
    { "Absent: pneumothorax. Present: effusion.", "-ptx +effu -none" },
    { "Pneumothorax is seen on the right, none on the left.", "+ptx -none" },
    /* what is not said */
    { "Evaluate for pneumothorax.", "" },
    { "History of pneumonia.", "" },
    { "Is there a pneumothorax?", "" },
    { "Pericardial effusion.", "" },
    { "The mediastinum is shifted by mass effect.", "" },
    { "Low lung volumes.", "" },
    /* normal statements */
    { "Normal heart size.", "-card" },
    { "Heart size is within normal limits.", "-card" },
    { "The heart is normal in size with a large pleural effusion.", "-card +effu -none" },
    { "Heart size and mediastinal contours are normal.", "-card -medi" },
    { "The cardiomediastinal silhouette is unremarkable.", "-card -medi" },
    { "The lungs are clear.", "-opac -cons -edem" },
    { "The lungs are clear except for atelectasis at the left base.", "+atel -none" },
    { "Costophrenic angles are sharp.", "-effu" },
    { "The osseous structures are intact.", "-frac" },
    { "The heart is not normal.", "+card -none" },
    /* no finding */
    { "No abnormalities were detected.", "+none -all" },
    { "There are no abnormalities on this image.", "+none -all" },
    { "No acute cardiopulmonary process.", "+none -all" },
    { "No acute cardiopulmonary abnormality. Stable cardiomegaly.", "+card -none" },
    { "The chest X-ray is unremarkable.", "+none -all" },
    { "Normal chest radiograph.", "+none -all" },
    { "No evidence of active disease.", "+none -all" },
    { "Normal.", "+none -all" },
    { "No abnormality. A pacemaker is in place.", "+none +devi -all" },
    { "No bony abnormality.", "" },
    { "The heart is unremarkable.", "-card" },
};

static bool lists(const char *want, char sign, const char *code)
{
    char item[16];
    const size_t n = (size_t)snprintf(item, sizeof item, "%c%s", sign, code);

    for (const char *p = strstr(want, item); p; p = strstr(p + 1, item))
        if (p[n] == 0 || p[n] == ' ') return true;
    return false;
}

static thx_presence wanted(const char *want, size_t f)
{
    if (lists(want, '+', codes[f])) return THX_PRESENT;
    if (lists(want, '-', codes[f])) return THX_ABSENT;
    return lists(want, '-', "all") && f < 12 ? THX_ABSENT : THX_UNSAID;
}

static void sentences(void **state)
{
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thx_presence got[THX_FINDINGS];
        thx_findings_parse(got, cases[i].text);
        for (size_t f = 0; f < THX_FINDINGS; f++) {
            if (got[f] == wanted(cases[i].want, f)) continue;
            print_message("\"%s\": %s is %d, expected %d\n", cases[i].text, thx_finding_names[f],
                          (int)got[f], (int)wanted(cases[i].want, f));
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

static void published_rule(void **state)
{
    json_t *j = json_load_file(shared_path("spec/vectors/radvlm_classification.json"), 0, NULL), *c;
    size_t i, n = 0;

    (void)state;
    json_array_foreach(json_object_get(j, "cases"), i, c) {
        const json_t *samples = json_object_get(json_object_get(c, "input"), "samples");
        const json_t *want = json_object_get(json_object_get(c, "expected"), "predicted_labels");
        for (size_t k = 0; k < json_array_size(samples); k++, n++) {
            thx_presence got[THX_FINDINGS];
            size_t present = 0;
            thx_findings_substring(
                got, json_string_value(json_object_get(json_array_get(samples, k), "output")));
            for (size_t f = 0; f < THX_FINDINGS; f++) {
                bool listed = false;
                for (size_t l = 0; l < json_array_size(json_array_get(want, k)); l++)
                    listed |=
                        !strcasecmp(thx_finding_names[f],
                                    json_string_value(json_array_get(json_array_get(want, k), l)));
                assert_int_equal(got[f], listed ? THX_PRESENT : THX_ABSENT);
                present += got[f] == THX_PRESENT;
            }
            assert_int_equal(present, json_array_size(json_array_get(want, k)));
        }
    }
    assert_true(n > 20);
    json_decref(j);
}

static void prints_a_list(void **state)
{
    thx_presence p[THX_FINDINGS] = { 0 };
    thx_string s = { 0 };

    (void)state;
    thx_string_add(&s, "", 0);
    p[13] = THX_PRESENT; /* "No Finding" is never printed as a label */
    thx_findings_print(&s, p);
    assert_string_equal(s.data, "");
    p[1] = THX_PRESENT;
    thx_findings_print(&s, p);
    assert_string_equal(s.data, "cardiomegaly");
    s.size = 0;
    p[3] = THX_PRESENT;
    thx_findings_print(&s, p);
    assert_string_equal(s.data, "cardiomegaly and edema");
    s.size = 0;
    p[8] = THX_PRESENT;
    p[2] = THX_UNSAID;
    thx_findings_print(&s, p);
    assert_string_equal(s.data, "cardiomegaly, edema and pleural effusion");
    thx_string_deinit(&s);
}

/* A sentence of any length is read piece by piece. */
static void long_texts(void **state)
{
    const size_t n = 1 << 18;
    char *text = malloc(n + 1);
    thx_presence got[THX_FINDINGS];

    (void)state;
    memset(text, ' ', n);
    text[n] = 0;
    for (size_t i = 0; i + 8 < n; i += 8) memcpy(text + i, "no heart", 8);
    memcpy(text + n - 16, " edema is seen. ", 16);
    thx_findings_parse(got, text);
    memset(text, 'e', n);
    thx_findings_parse(got, text);
    assert_int_equal(got[3], THX_UNSAID);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),
        cmocka_unit_test(published_rule),
        cmocka_unit_test(prints_a_list),
        cmocka_unit_test(long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
