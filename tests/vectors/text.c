/* Vectors of texts: words, ROUGE, BLEU, CIDEr-D, cleaning. */
#include "vectors.h"

#include "metrics/bleu.h"
#include "metrics/chexbert_text.h"
#include "metrics/cider.h"
#include "metrics/porter.h"
#include "metrics/rouge.h"

#include <stdlib.h>
#include <string.h>

static const json_t *at(const json_t *object, const char *key) { return json_object_get(object, key); }

/* The words of one text against a list. */
static void check_words(vec *v, const char *what, const char *text, thx_words_kind kind, const json_t *want)
{
    thx_words    w;
    thorax_error err;

    if (vec_ok(v, thx_words_init(&w, kind, &err), &err) &&
        vec_ok(v, thx_words_add(&w, text, strlen(text), &err), &err)) {
        const char **got = calloc(w.first[1] + 1, sizeof *got);
        size_t       size;
        for (size_t i = 0; got && i < w.first[1]; i++) got[i] = thx_words_word(&w, w.ids[i], &size);
        vec_texts(v, what, got, w.first[1], want);
        free(got);
    }
    thx_words_deinit(&w);
}

/* ---- Lists of texts ---- */

typedef struct lists {
    thx_pairs    pairs;
    const char **hypotheses, **references;
} lists;

static lists read_lists(const json_t *input)
{
    lists  l;
    size_t n, m;

    l.hypotheses = vec_list(at(input, "hypotheses"), &n);
    l.references = vec_list(at(input, "references"), &m);
    l.pairs = (thx_pairs){ l.hypotheses, l.references, NULL, n };
    return l;
}

static void free_lists(lists *l)
{
    free(l->hypotheses);
    free(l->references);
}

/* ---- ROUGE ---- */

static void check_prf(vec *v, const char *what, thx_prf got, const json_t *want)
{
    vec_number(v, what, got.p, at(want, "p"), 1e-12, 0);
    vec_number(v, what, got.r, at(want, "r"), 1e-12, 0);
    vec_number(v, what, got.f, at(want, "f"), 1e-12, 0);
}

static void check_rouge_form(vec *v, const thx_pairs *pairs, bool stem, const json_t *want)
{
    static const struct {
        unsigned    kind;
        const char *key;
    } kinds[] = { { THX_ROUGE_1, "rouge1" },
                  { THX_ROUGE_2, "rouge2" },
                  { THX_ROUGE_L, "rougeL" },
                  { THX_ROUGE_LSUM, "rougeLsum" } };
    const thx_words_kind words = stem ? THX_WORDS_ROUGE_STEM : THX_WORDS_ROUGE;
    thx_rouge            r;
    thorax_error         err;
    unsigned             bits = 0;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) bits |= THX_ROUGE_BIT(kinds[i].kind);
    if (!vec_ok(v, thx_rouge_score(&r, pairs, bits, stem, &err), &err)) return;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_prf(v, kinds[i].key, r.scores[kinds[i].kind][0], at(want, kinds[i].key));
    thx_rouge_deinit(&r);
    check_words(v, "ref_tokens", pairs->references[0], words, at(want, "ref_tokens"));
    check_words(v, "hyp_tokens", pairs->hypotheses[0], words, at(want, "hyp_tokens"));
}

static void check_rouge(vec *v, const json_t *input, const json_t *expected)
{
    const char *reference = vec_member_text(input, "reference"), *hypothesis = vec_member_text(input, "hypothesis");
    const thx_pairs pairs = { &hypothesis, &reference, NULL, 1 };

    check_rouge_form(v, &pairs, false, at(expected, "plain"));
    check_rouge_form(v, &pairs, true, at(expected, "stem"));
}

static void check_porter(vec *v, const json_t *input, const json_t *expected)
{
    const json_t *pairs = at(input, "pairs");

    (void)expected;
    if (!json_array_size(pairs)) vec_fail(v, "no pairs");
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const char  *word = json_string_value(json_array_get(json_array_get(pairs, i), 0));
        const size_t size = strlen(word);
        char        *stem = calloc(size + 1, 1);
        memcpy(stem, word, size);
        if (size > 3) stem[thx_porter_stem(stem, size)] = 0; /* as ROUGE applies it */
        vec_text(v, word, stem, json_array_get(json_array_get(pairs, i), 1));
        free(stem);
    }
}

/* ---- BLEU ---- */

static const char *const coco_keys[THX_BLEU_ORDERS] = { "bleu1", "bleu2", "bleu3", "bleu4" };

static void check_bleu_coco(vec *v, const json_t *input, const json_t *expected)
{
    lists         l = read_lists(input);
    thx_bleu_coco b;
    thorax_error  err;

    if (vec_ok(v, thx_bleu_coco_score(&b, &l.pairs, &err), &err)) {
        for (size_t k = 0; k < THX_BLEU_ORDERS; k++) {
            const json_t *list = at(at(expected, "sentence"), coco_keys[k]);
            vec_number(v, coco_keys[k], b.corpus[k], at(at(expected, "corpus"), coco_keys[k]), 1e-30, 1e-12);
            if (json_array_size(list) != b.n) vec_fail(v, "%zu sentences, wanted %zu", b.n, json_array_size(list));
            for (size_t i = 0; i < b.n; i++)
                vec_number(v, coco_keys[k], b.sentences[i][k], json_array_get(list, i), 1e-30, 1e-12);
        }
        thx_bleu_coco_deinit(&b);
    }
    free_lists(&l);
}

static void check_bleu_coco_multiref(vec *v, const json_t *input, const json_t *expected)
{
    size_t          n;
    const char     *hypothesis = vec_member_text(input, "hypothesis");
    const char    **references = vec_list(at(input, "references"), &n);
    const thx_pairs pairs = { &hypothesis, references, &n, 1 };
    thx_bleu_coco   b;
    thorax_error    err;

    if (vec_ok(v, thx_bleu_coco_score(&b, &pairs, &err), &err)) {
        for (size_t k = 0; k < THX_BLEU_ORDERS; k++)
            vec_number(v, coco_keys[k], b.corpus[k], at(expected, coco_keys[k]), 1e-30, 1e-12);
        thx_bleu_coco_deinit(&b);
    }
    free(references);
}

static void check_sizes(vec *v, const char *what, const size_t *got, size_t n, const json_t *want)
{
    if (json_array_size(want) != n) vec_fail(v, "%s: %zu values, wanted %zu", what, n, json_array_size(want));
    for (size_t i = 0; i < n; i++) vec_integer(v, what, (long long)got[i], json_array_get(want, i));
}

static void check_sacrebleu_order(vec *v, const thx_pairs *pairs, size_t order, const json_t *want)
{
    thx_bleu_sacrebleu b;
    thorax_error       err;

    if (!vec_ok(v, thx_bleu_sacrebleu_score(&b, pairs, order, &err), &err)) return;
    const thx_bleu_value *c = &b.corpus;
    vec_number(v, "score", c->score, at(want, "score"), 0, 1e-10);
    vec_numbers(v, "precisions", c->precisions, order, at(want, "precisions"), 0, 1e-10);
    vec_number(v, "bp", c->bp, at(want, "bp"), 0, 1e-10);
    check_sizes(v, "counts", c->counts.correct, order, at(want, "counts"));
    check_sizes(v, "totals", c->counts.total, order, at(want, "totals"));
    vec_integer(v, "sys_len", (long long)c->counts.length, at(want, "sys_len"));
    vec_integer(v, "ref_len", (long long)c->counts.reference, at(want, "ref_len"));
    thx_bleu_sacrebleu_deinit(&b);
}

static void check_bleu_sacrebleu(vec *v, const json_t *input, const json_t *expected)
{
    lists l = read_lists(input);

    check_sacrebleu_order(v, &l.pairs, 4, at(expected, "bleu4"));
    check_sacrebleu_order(v, &l.pairs, 1, at(expected, "bleu1"));
    free_lists(&l);
}

static void check_tok13a(vec *v, const json_t *input, const json_t *expected)
{
    check_words(v, "tokens", vec_member_text(input, "text"), THX_WORDS_13A_STRIPPED, at(expected, "tokens"));
}

static void check_hf_order(vec *v, const thx_pairs *pairs, size_t order, bool smooth, const json_t *want)
{
    thx_bleu_hf         b;
    thorax_error        err;
    const thorax_status st = thx_bleu_hf_score(&b, pairs, order, smooth, &err);

    if (at(want, "error")) {
        if (st != THORAX_USAGE) vec_fail(v, "status %d, wanted an error", st);
        if (!st) thx_bleu_hf_deinit(&b);
        return;
    }
    if (!vec_ok(v, st, &err)) return;
    const thx_bleu_value *c = &b.corpus;
    vec_number(v, "bleu", c->score, at(want, "bleu"), 0, 1e-12);
    vec_numbers(v, "precisions", c->precisions, order, at(want, "precisions"), 0, 1e-12);
    vec_number(v, "bp", c->bp, at(want, "bp"), 0, 1e-12);
    vec_number(v, "ratio", c->ratio, at(want, "ratio"), 0, 1e-12);
    vec_integer(v, "translation_length", (long long)c->counts.length, at(want, "translation_length"));
    vec_integer(v, "reference_length", (long long)c->counts.reference, at(want, "reference_length"));
    thx_bleu_hf_deinit(&b);
}

static void check_bleu_hf(vec *v, const json_t *input, const json_t *expected)
{
    lists l = read_lists(input);

    check_hf_order(v, &l.pairs, 4, false, at(expected, "max_order_4"));
    check_hf_order(v, &l.pairs, 1, false, at(expected, "max_order_1"));
    check_hf_order(v, &l.pairs, 4, true, at(expected, "max_order_4_smooth"));
    free_lists(&l);
}

static void check_bleu2_radcliq(vec *v, const json_t *input, const json_t *expected)
{
    const char *reference = vec_member_text(input, "reference"), *hypothesis = vec_member_text(input, "hypothesis");
    const thx_pairs pairs = { &hypothesis, &reference, NULL, 1 };
    double          score, mean;
    thorax_error    err;

    check_words(v, "ref_tokens", reference, THX_WORDS_RADCLIQ, at(expected, "ref_tokens"));
    check_words(v, "hyp_tokens", hypothesis, THX_WORDS_RADCLIQ, at(expected, "hyp_tokens"));
    if (!vec_ok(v, thx_bleu2_radcliq(&score, &mean, &pairs, &err), &err)) return;
    vec_number(v, "bleu2", score, at(expected, "bleu2"), 0, 1e-12);
    if (mean != score) vec_fail(v, "the mean of one is %g, not %g", mean, score);
}

/* ---- CIDEr-D, cleaning ---- */

static void check_cider_d(vec *v, const json_t *input, const json_t *expected)
{
    lists               l = read_lists(input);
    thx_cider           c;
    thorax_error        err;
    const thorax_status st = thx_cider_d(&c, &l.pairs, &err);

    if (at(expected, "error") && st != THORAX_USAGE) vec_fail(v, "status %d, wanted an error", st);
    if (!at(expected, "error") && vec_ok(v, st, &err)) {
        vec_number(v, "corpus", c.corpus, at(expected, "corpus"), 0, 1e-10);
        vec_numbers(v, "sentence", c.scores, c.n, at(expected, "sentence"), 0, 1e-10);
    }
    if (!st) thx_cider_deinit(&c);
    free_lists(&l);
}

static void check_chexbert_clean(vec *v, const json_t *input, const json_t *expected)
{
    static const char *const keys[] = { [THX_CHEXBERT_F1] = "f1chexbert",
                                        [THX_CHEXBERT_LLAVARAD] = "llavarad",
                                        [THX_CHEXBERT_LIST] = "chexbert_label_report_list" };
    const char              *text = vec_member_text(input, "text");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        thx_string out = { 0 };
        thx_chexbert_clean(&out, text, strlen(text), (thx_chexbert_form)i);
        vec_text(v, keys[i], out.data, at(expected, keys[i]));
        thx_string_deinit(&out);
    }
}

const vec_kind vec_text_kinds[] = {
    { "rouge", check_rouge },
    { "porter", check_porter },
    { "bleu_coco", check_bleu_coco },
    { "bleu_coco_multiref", check_bleu_coco_multiref },
    { "bleu_sacrebleu", check_bleu_sacrebleu },
    { "tok13a", check_tok13a },
    { "bleu_hf", check_bleu_hf },
    { "bleu2_radcliq", check_bleu2_radcliq },
    { "cider_d", check_cider_d },
    { "chexbert_clean", check_chexbert_clean },
    { 0 },
};
