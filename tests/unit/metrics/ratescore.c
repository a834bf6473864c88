/* RaTEScore behind its networks, and its sentences. */
#include "check.h"
#include "metrics/ratescore_model.h"

#include <math.h>

static void test_score(void **state)
{
    static const float         vectors[] = { 1, 0, 0, 1, 1, 0 };
    static const thx_rate_type types[] = { THX_RATE_DISEASE, THX_RATE_ANATOMY, THX_RATE_NON_DISEASE };
    const thx_rate_side one = { vectors, types, 1 }, two = { vectors, types, 2 }, third = { vectors + 4, types + 2, 1 };
    const thx_rate_side        none = { NULL, NULL, 0 };

    (void)state;
    assert_true(thx_ratescore(&two, &two, 2, THX_RATE_LONG).score == 1);
    assert_true(thx_ratescore(&one, &none, 2, THX_RATE_LONG).score == 0.5);
    assert_true(isnan(thx_ratescore(&one, &none, 2, THX_RATE_LONG).reference_to_hypothesis));
    assert_true(fabs(thx_ratescore(&one, &third, 2, THX_RATE_LONG).score - 0.8716553966489615) <
                1e-6); /* the contrary */
    assert_int_equal(thx_rate_type_of("NON-DISEASE"), THX_RATE_NON_DISEASE);
    assert_int_equal(thx_rate_type_of("LABEL_0"), THX_RATE_TYPES);
    assert_null(thx_rate_type_name(THX_RATE_TYPES));
}

/* Equal vectors in equal types: any of them is right, however many there are. */
static void test_many(void **state)
{
    enum { N = 70 };
    float         vectors[2 * N];
    thx_rate_type types[N];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        vectors[2 * i] = 1;
        vectors[2 * i + 1] = (float)(i % 7);
        types[i] = THX_RATE_ANATOMY;
    }
    const thx_rate_side all = { vectors, types, N }, few = { vectors, types, 40 };
    assert_true(thx_ratescore(&all, &all, 2, THX_RATE_SHORT).score > 0.999999); /* with 64 and more, and with less */
    assert_true(thx_ratescore(&few, &all, 2, THX_RATE_SHORT).score > 0.999999);
}

static void test_entities(void **state)
{
    static const char *const tokens[] = { "[CLS]", "a", "b", "c", "d", "[SEP]" };
    static const char *const labels[] = { "O", "B-DISEASE", "I-ANATOMY", "B-ANATOMY", "O", "O" };
    thx_rate_entity          e[7];

    (void)state;
    assert_int_equal(thx_rate_entities(e, tokens, labels, 6), 2);
    assert_true(e[0].first == 1 && e[0].last == 2 && e[1].first == 3 && e[1].last == 3);
    assert_string_equal(e[0].type, "DISEASE");
    assert_int_equal(thx_rate_entities(e, tokens, labels, 0), 0);
}

static void sentences_are(const char *report, const char *joined)
{
    thx_report_words    w;
    thorax_error err;
    char         text[512] = "";

    assert_ok(thx_rate_sentences(&w, report, &err), err);
    for (size_t i = 0; i < w.n; i++) {
        if (i) strcat(text, "|");
        strcat(text, w.at[i]);
    }
    assert_string_equal(text, joined);
    thx_report_words_deinit(&w);
}

/* As medspaCy 1.3.1 with PyRuSH 1.0.13 splits them. */
static void test_sentences(void **state)
{
    (void)state;
    sentences_are("", "");
    sentences_are(" \n ", "");
    sentences_are("No.", "No.");
    sentences_are("heart", "heart");
    sentences_are("No effusion. the heart is normal.", "No effusion.|the heart is normal.");
    sentences_are("No effusion.The heart is normal.", "No effusion.The heart is normal.");
    sentences_are("Tube is 4.5 cm above. 3 cm nodule is seen.", "Tube is 4.5 cm above.|3 cm nodule is seen.");
    sentences_are("PICC tip in SVC. NG tube in stomach. ETT OK.", "PICC tip in SVC. NG tube in stomach.|ETT OK.");
    sentences_are("Seen by Dr. Smith. No change.", "Seen by Dr. Smith.|No change.");
    sentences_are("1. No pneumonia. 2. No edema.", "No pneumonia.|2. No edema.");
    sentences_are("Impression: 1. Right lower lobe mass, 3.4 x 2.8 cm. 2. Mediastinal adenopathy.",
                  "Impression: 1.|Right lower lobe mass, 3.4 x 2.8 cm.|2. Mediastinal adenopathy.");
    sentences_are("Is there pneumonia? No change.", "Is there pneumonia?|No change.");
    sentences_are("Findings:\nLungs are clear.\nHeart is normal.\n\nImpression:\n1. No pneumonia.\n2. No effusion.",
                  "Findings:|Lungs are clear.|Heart is normal.|Impression:|1. No pneumonia.|2. No effusion.");
    sentences_are("lungs are clear\nheart normal", "lungs are clear\nheart normal");
    sentences_are("SVC carina. FINDINGS: may increase lobe. Pacemaker stable.",
                  "SVC carina.|FINDINGS: may increase lobe.|Pacemaker stable.");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_score), cmocka_unit_test(test_many),
                                        cmocka_unit_test(test_entities), cmocka_unit_test(test_sentences) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
