/* BLEUs: what the vectors have not. */
#include "check.h"

#include "metrics/bleu.h"

static const char *const answer = "The cardiac silhouette is mildly enlarged.";
static const char *const reference = "Heart size is at the upper limit of normal.";

static void one_pair(void **state)
{
    const thx_pairs    pairs = { &answer, &reference, NULL, 1 };
    thx_bleu_coco      c;
    thx_bleu_sacrebleu s;
    thx_bleu_hf        h;
    double             two;
    thorax_error       err;

    (void)state;
    assert_ok(thx_bleu_coco_score(&c, &pairs, &err), err);
    assert_near(c.corpus[0], 0.10108844, 1e-8);
    assert_near(c.sentences[0][3], 7.83e-13, 1e-15);
    thx_bleu_coco_deinit(&c);
    assert_ok(thx_bleu_sacrebleu_score(&s, &pairs, 4, &err), err);
    assert_near(s.corpus.score, 5.0876412, 1e-7);
    assert_near(s.sentences[0], s.corpus.score, 0);
    thx_bleu_value v;
    thx_bleu_sacrebleu_of(&v, &s.corpus.counts, 1); /* counts of order 4 serve lower orders */
    assert_near(v.score, 18.6125445, 1e-7);
    thx_bleu_sacrebleu_deinit(&s);
    assert_ok(thx_bleu_hf_score(&h, &pairs, 1, false, &err), err);
    assert_near(h.corpus.score, 0.1861254, 1e-7);
    thx_bleu_hf_deinit(&h);
    assert_ok(thx_bleu2_radcliq(&two, NULL, &pairs, &err), err);
    assert_near(two, 0.0550566, 1e-7);
}

/* The reference length is the closest one, the shorter of equals; of Hugging Face the shortest. */
static void reference_lengths(void **state)
{
    const char        *references[] = { "a b c d e f", "a b", "c c", "a b c d e f g h" };
    const size_t       counts[] = { 2, 2 };
    const char        *answers[] = { "a b c d", "c c a b c" };
    const thx_pairs    pairs = { answers, references, counts, 2 };
    thx_bleu_sacrebleu s;
    thx_bleu_hf        h;
    thorax_error       err;

    (void)state;
    assert_ok(thx_bleu_sacrebleu_score(&s, &pairs, 2, &err), err);
    assert_int_equal(s.corpus.counts.reference, 2 + 2);
    assert_int_equal(s.corpus.counts.correct[0],
                     4 + 4); /* "c" twice, as in one of the references, not three times */
    thx_bleu_sacrebleu_deinit(&s);
    assert_ok(thx_bleu_hf_score(&h, &pairs, 2, true, &err), err);
    assert_int_equal(h.corpus.counts.reference, 2 + 2);
    thx_bleu_hf_deinit(&h);
}

static void empty_sides(void **state)
{
    const char        *empty = "", *text = "edema";
    const thx_pairs    no_answer = { &empty, &text, NULL, 1 }, no_reference = { &text, &empty, NULL, 1 };
    thx_bleu_coco      c;
    thx_bleu_sacrebleu s;
    thx_bleu_hf        h;
    double             two;
    thorax_error       err;

    (void)state;
    assert_ok(thx_bleu_coco_score(&c, &no_answer, &err), err);
    assert_near(c.corpus[0], 0, 0);
    thx_bleu_coco_deinit(&c);
    assert_ok(thx_bleu_sacrebleu_score(&s, &no_answer, 4, &err), err);
    assert_near(s.corpus.score, 0, 0);
    thx_bleu_sacrebleu_deinit(&s);
    assert_ok(thx_bleu2_radcliq(&two, NULL, &no_answer, &err), err);
    assert_near(two, 0, 0);
    assert_int_equal(thx_bleu_hf_score(&h, &no_answer, 4, false, &err), THORAX_USAGE);
    assert_non_null(strstr(err.text, "answers"));
    assert_int_equal(thx_bleu_hf_score(&h, &no_reference, 4, true, &err), THORAX_USAGE);
    assert_non_null(strstr(err.text, "references"));
}

static void refusals(void **state)
{
    const thx_pairs    none = { 0 }, one = { &answer, &reference, NULL, 1 };
    thx_bleu_coco      c;
    thx_bleu_sacrebleu s;
    thx_bleu_hf        h;
    thorax_error       err;

    (void)state;
    assert_int_equal(thx_bleu_coco_score(&c, &none, &err), THORAX_USAGE);
    assert_int_equal(thx_bleu2_radcliq(NULL, NULL, &none, &err), THORAX_USAGE);
    assert_int_equal(thx_bleu_sacrebleu_score(&s, &one, 0, &err), THORAX_USAGE);
    assert_int_equal(thx_bleu_hf_score(&h, &one, 5, false, &err), THORAX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_pair), cmocka_unit_test(reference_lengths),
                                        cmocka_unit_test(empty_sides), cmocka_unit_test(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
