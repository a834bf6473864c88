/* The rules of the findings reader; see findings_rules.h. Ours, written from how radiologists
 * write; the label set is CheXpert's. */
#include "text/findings_rules.h"

#define F(name) (1u << THX_F_##name)
#define AIRSPACE (F(OPACITY) | F(CONSOLIDATION) | F(EDEMA))
#define HEART "heart|hearts|cardiac|cardio"
#define NORMAL "normal|unremarkable|normally"
#define LARGE "enlarge*|big|large|larger|dilated|widened"
#define FILM "chest|radiograph|radiographs|film|study|examination|exam|image|cxr|ray|rays|x"
#define BE "is|are|was|were|appear|appears|looks|remains|remain"

const char *const thx_finding_names[THX_FINDINGS] = {
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum",
    "Fracture", "Lung Lesion", "Lung Opacity", "Pleural Effusion", "Pleural Other",
    "Pneumonia", "Pneumothorax", "Support Devices", "No Finding",
};

const thx_finding_rule thx_finding_rules[] = {
    { F(ATELECTASIS), false, "atelecta*" },
    { F(ATELECTASIS), false, "collapse|collapsed ~4 lobe|lung|lower|upper|middle" },
    { F(ATELECTASIS), false, "lobe|lobar|lung|segmental ~1 collapse|collapsed" },
    { F(ATELECTASIS), false, "volume loss" },

    { F(CARDIOMEGALY), false, "cardiomegal*" },
    { F(CARDIOMEGALY), false, "cardio megal*" },
    { F(CARDIOMEGALY), false, HEART "|cardiopericardial ~5 enlarge*|dilated|widened" },
    { F(CARDIOMEGALY), false, HEART " ~2 big|large|larger" },
    { F(CARDIOMEGALY), false,
      LARGE "|prominent|increased|borderline ~2 " HEART "|cardiopericardial|cardiothoracic" },
    { F(CARDIOMEGALY), false, "enlargement|dilatation ~2 " HEART },
    { F(CARDIOMEGALY), false, HEART "|cardiothoracic ~4 increased|borderline|prominent" },
    { F(CARDIOMEGALY), false, "cardiomyopathy" },
    { F(CARDIOMEGALY), true, NORMAL " ~2 heart|cardiac" },
    { F(CARDIOMEGALY), true, NORMAL " size ~2 heart" },
    { F(CARDIOMEGALY), true, "heart|cardiac|cardiothoracic %9 " NORMAL },
    { F(CARDIOMEGALY) | F(MEDIASTINUM), true, "cardiomediastin* %9 " NORMAL },
    { F(CARDIOMEGALY) | F(MEDIASTINUM), true, NORMAL " ~1 cardiomediastin*" },

    { F(CONSOLIDATION), false, "consolidat*" },

    { F(EDEMA), false, "edema*|oedema*" },
    { F(EDEMA), false, "heart|cardiac failure" },
    { F(EDEMA), false, "chf" },
    { F(EDEMA), false, "congestion" },
    { F(EDEMA), false, "fluid|volume overload" },
    { F(EDEMA), false, "kerley" },
    { F(EDEMA), true, "pulmonary vasculature|vascularity|vessels %6 " NORMAL },
    { F(EDEMA), true, NORMAL " pulmonary vasculature|vascularity" },

    { F(MEDIASTINUM), false, "enlarge*|widen*|prominent ~2 cardiomediastin*|mediastin*" },
    { F(MEDIASTINUM), false, "cardiomediastin*|mediastin* ~4 enlarge*|widen*|prominent" },
    { F(MEDIASTINUM), true, "mediastin* %7 " NORMAL },
    { F(MEDIASTINUM), true, NORMAL " mediastin*" },

    { F(FRACTURE), false, "fracture*" },
    { F(FRACTURE), false, "broken ~1 rib|ribs|clavicle|bone" },
    { F(FRACTURE), true, "bones|bony|osseous|ribs|skeleton|skeletal ~5 intact|" NORMAL },

    { F(LESION), false, "nodule|nodules|nodular|nodularity|micronodul*" },
    { F(LESION), false, "mass|masses" },
    { F(LESION), false, "tumor*|tumour*|neoplas*|carcinoma*|metasta*|malignan*|granuloma*" },
    { F(LESION), false, "lesion|lesions ~3 lung|lungs|lobe|zone|hilum" },
    { F(LESION), false,
      "lung|pulmonary|parenchymal|cavitary|cavitating|coin|focal lesion|lesions" },

    { F(OPACITY), false, "opaci*" },
    { F(OPACITY), false, "airspace|airspaces disease|process|abnormalit*|change|changes" },
    { F(OPACITY), false, "air space disease|process|abnormalit*|change|changes" },
    { F(OPACITY), false, "infiltrat*" },
    { F(OPACITY), false, "increased ~1 density|densities" },
    { F(OPACITY), false, "interstitial marking*|pattern|disease|changes|thickening|prominence" },
    { F(OPACITY), false, "reticular|reticulonodular" },
    { F(OPACITY), false, "shadowing" },
    { AIRSPACE, true, "lungs|lung ~5 clear|" NORMAL },
    { AIRSPACE, true, "clear|" NORMAL " lungs|lung" },

    { F(EFFUSION), false, "effusion|effusions" },
    { F(EFFUSION), false, "pleural fluid" },
    { F(EFFUSION), false, "fluid ~3 pleural|fissure" },
    { F(EFFUSION), false, "hemothora*|haemothora*|hydrothora*|empyema" },
    { F(EFFUSION), false, "blunt* ~3 costophrenic|angle|angles|sulcus|sulci" },
    { F(EFFUSION), false, "costophrenic|angle|angles|sulcus|sulci ~3 blunted|obscured|blunting" },
    { F(EFFUSION), true, "costophrenic ~5 sharp|clear|preserved|free|" NORMAL },
    { F(EFFUSION) | F(PNEUMOTHORAX), true, "pleural spaces|space ~3 clear|" NORMAL },

    { F(PLEURAL_OTHER), false, "pleural ~1 "
      "thickening|plaque|plaques|scarring|scar|calcification*|mass|fibrosis|abnormalit*" },
    { F(PLEURAL_OTHER), false, "thickening|scarring|calcification ~2 pleura|pleural" },
    { F(PLEURAL_OTHER), false, "fibrothora*" },
    { F(PLEURAL_OTHER), false, "pleural other" },

    { F(PNEUMONIA), false, "pneumonia|pneumonias|pneumonic|bronchopneumonia|pneumonitis" },
    { F(PNEUMONIA), false, "infection|infectious" },

    { F(PNEUMOTHORAX), false, "pneumothora*" },
    { F(PNEUMOTHORAX) | F(EFFUSION), false, "hydropneumothora*|hemopneumothora*" },

    { F(DEVICES), false, "device|devices|apparatus|hardware" },
    { F(DEVICES), false, "tube|tubes|tubing|ett|ngt" },
    { F(DEVICES), false,
      "central|venous|arterial|ij|jugular|subclavian|dialysis|monitoring|support ~1 line|lines" },
    { F(DEVICES), false, "lines|line and tubes|tube|catheters" },
    { F(DEVICES), false,
      "catheter|catheters|picc|cannula|cannulas|pigtail|portacath|mediport|stent|stents|"
      "electrode*" },
    { F(DEVICES), false, "port a cath" },
    { F(DEVICES), false, "chest|pleural drain|drains" },
    { F(DEVICES), false, "pacemaker*|pacer|pacers|icd|aicd|defibrillator*" },
    { F(DEVICES), false, "ecg|ekg|pacing|atrial|ventricular lead|leads" },
    { F(DEVICES), false, "sternotomy|sternal|cerclage %4 wire|wires" },
    { F(DEVICES), false, "surgical ~1 clip|clips|staple|staples" },
    { F(DEVICES), false, "prosthetic|mechanical|artificial|replaced ~2 valve|valves" },
    { F(DEVICES), false, "valve replacement|prosthesis" },
    { F(DEVICES), false, "balloon pump" },
    { F(DEVICES), false, "prosthes*|implant|implants|arthroplasty" },

    { F(NONE), false, "no|without + abnormalit*|patholog*" },
    { F(NONE), false, "no|without + finding|findings|disease|process" },
    { F(NONE), false,
      "no|without + cardiopulmonary|intrathoracic|thoracic|chest + "
      "disease|process|abnormalit*|finding|findings|patholog*" },
    { F(NONE), false, "free of + abnormalit*|patholog*|disease" },
    { F(NONE), false, "abnormalit* ~2 absent" },
    { F(NONE), false, "abnormalit* ~2 not ~2 seen|identified|detected|found|visible|present" },
    { F(NONE), false, "negative ~1 " FILM },
    { F(NONE), false, FILM " " BE " ~2 negative|" NORMAL },
    { F(NONE), false, NORMAL " ~1 " FILM },
    { F(NONE), false, "findings|everything " BE " ~2 " NORMAL },
    { 0 },
};

const thx_cue thx_cues[] = {
    { THX_CUE_VOID,
      "no|not|without ~2 "
      "change|changes|changed|increase|increased|decrease|decreased|improvement|improved" },
    { THX_CUE_VOID, "not|cannot|cant|hardly|difficult|unable ~3 rule|ruled out" },
    { THX_CUE_VOID, "not|cannot|cant|difficult|unable ~3 exclude|excluded" },
    { THX_CUE_VOID, "not ~2 resolved|cleared|disappeared|removed" },
    { THX_CUE_VOID, "nearly|almost|partially|partly|incompletely|largely|mostly resolved|cleared" },
    { THX_CUE_VOID, "not only|necessarily|unexpected|unusual" },
    { THX_CUE_VOID, "no doubt|way" },
    { THX_CUE_STOP, "except|excepting|besides" },
    { THX_CUE_STOP, "other|apart|aside than|from" },
    { THX_CUE_STOP, "due|secondary|related|owing to" },
    { THX_CUE_STOP, "because|since|suggesting|indicating|representing" },
    { THX_CUE_AROUND, "no longer" },
    { THX_CUE_BEFORE, "negative for" },
    { THX_CUE_AFTER,
      "not|isnt|arent|wasnt|werent|never ~2 "
      "seen|identified|present|visualized|visualised|noted|detected|evident|appreciated|"
      "demonstrated|observed|visible|found|apparent|suspected|shown|depicted|recognized|"
      "confirmed" },
    { THX_CUE_BEFORE, "absent|negative :" },
    { THX_CUE_AFTER, ": none|nil" },
    { THX_CUE_AFTER, "absent|unlikely|negative|ruled|excluded|disappeared|gone" },
    { THX_CUE_BEFORE, "resolution|removal|absence|lack|exclusion|clearing|clearance of" },
    { THX_CUE_AFTER, "resolved|cleared|removed" },
    { THX_CUE_SILENT, "evaluate|evaluation|eval|assess|assessment|assessed|evaluated|question|"
                      "check|looking|look|screen|screening ~1 for" },
    { THX_CUE_SILENT, "rule out" },
    { THX_CUE_SILENT, "r o" },
    { THX_CUE_SILENT, "history|hx of" },
    { THX_CUE_SILENT, "if|whether" },
    { THX_CUE_BEFORE, "free|clear|cleared of|from" },
    { THX_CUE_BEFORE, "rather than" },
    { THX_CUE_BEFORE, "mimic*|simulat*" },
    { THX_CUE_BEFORE, "no|not|without|neither|nor|never|denies|denied|lacks|lacking|isnt|arent|"
                      "wasnt|werent|doesnt|dont|didnt|cannot|hasnt|havent" },
    { THX_CUE_BEFORE, "excludes|exclude" },
    { 0 },
};

const char thx_filler_words[] = "acute|active|significant|definite|definitive|obvious|clear|"
                                "evidence|of|any|other|visible|radiographic|radiological|"
                                "cardiopulmonary|pathological|pathologic|major|relevant|signs|sign|"
                                "detectable|discernible|apparent|intrathoracic|"
                                "thoracic|chest|specific|notable|remarkable|gross|overt|"
                                "appreciable|noticeable|abnormal|new|the|an|a|or|and|were|was";
const char thx_boundary_words[] =
    "but|however|although|though|whereas|while|yet|nevertheless|otherwise|instead|despite";
const char thx_verb_words[] =
    "is|are|was|were|has|have|had|shows|show|showed|demonstrates|demonstrate|reveals|reveal|"
    "remains|remain|appears|appear|"
    "persists|persist|there|isnt|arent|wasnt|werent|contains|suggests|suggest";
const char thx_existence_words[] = "seen|identified|present|noted|detected|visualized|visualised|"
                                   "evident|appreciated|demonstrated|observed|visible|"
                                   "found|absent|excluded|ruled|suspected|resolved|removed|gone|"
                                   "apparent|unlikely|shown|cleared|negative";
const char thx_barrier_words[] = "with|without|normal|unremarkable";
const char thx_size_words[] = "small|tiny|minimal|mild|mildly|moderate|moderately|large|severe|"
                              "massive|stable|unchanged|persistent|increased|increasing|"
                              "enlarged|left|right|bilateral|bibasilar|basilar|trace|slight";
