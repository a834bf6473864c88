/* Two texts of any bytes, parted by the first 0xfe, through everything that splits, stems and compares
 * them: words are UTF-8 and not empty, and every score is a number in its range. */
#include "metrics/bleu.h"
#include "metrics/chexbert_text.h"
#include "metrics/cider.h"
#include "metrics/porter.h"
#include "metrics/rouge.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good) abort();
}

static bool is_within(double x, double low, double high) { return x >= low && x <= high + 1e-9; }

static void split(const char *text, size_t size)
{
    for (int kind = THX_WORDS_SPACE; kind <= THX_WORDS_RADCLIQ; kind++) {
        thx_words    w;
        size_t       n;
        thorax_error err;
        if (thx_words_init(&w, (thx_words_kind)kind, &err) == THORAX_OK &&
            thx_words_add(&w, text, size, &err) == THORAX_OK)
            for (size_t i = 0; i < w.first[1]; i++) {
                const char *word = thx_words_word(&w, w.ids[i], &n);
                check(n > 0 && thx_utf8_valid(word, n));
            }
        thx_words_deinit(&w);
    }
}

static void clean(const char *text, size_t size)
{
    for (int form = THX_CHEXBERT_F1; form <= THX_CHEXBERT_LIST; form++) {
        thx_string out = { 0 };
        thx_chexbert_clean(&out, text, size, (thx_chexbert_form)form);
        check(out.failed || (thx_utf8_valid(out.data, out.size) && out.size <= 3 * size));
        thx_string_deinit(&out);
    }
}

/* The stemmer on what is no word at all. */
static void stem(const char *text, size_t size)
{
    char *word = malloc(size + 1);

    if (!word) return;
    memcpy(word, text, size);
    check(thx_porter_stem(word, size) <= size);
    free(word);
}

static void score(const char *a, const char *b)
{
    const char        *hypotheses[] = { a, b, a }, *references[] = { b, b, b, a };
    const size_t       counts[] = { 1, 1, 2 };
    const thx_pairs    pairs = { hypotheses, references, counts, 3 };
    thx_rouge          r;
    thx_bleu_coco      c;
    thx_bleu_sacrebleu s;
    thx_bleu_hf        h;
    thx_cider          d;
    double             two[3];
    thorax_error       err;

    for (int stemmed = 0; stemmed < 2; stemmed++) {
        if (thx_rouge_score(&r, &pairs, 0xffe, stemmed, &err)) continue;
        for (size_t k = THX_ROUGE_1; k < THX_ROUGE_KINDS; k++)
            for (size_t i = 0; i < 3; i++)
                check(is_within(r.scores[k][i].f, 0, 1) && is_within(r.scores[k][i].p, 0, 1));
        thx_rouge_deinit(&r);
    }
    if (thx_bleu_coco_score(&c, &pairs, &err) == THORAX_OK) check(is_within(c.corpus[3], 0, 1));
    thx_bleu_coco_deinit(&c);
    if (thx_bleu_sacrebleu_score(&s, &pairs, 4, &err) == THORAX_OK) check(is_within(s.corpus.score, 0, 100));
    thx_bleu_sacrebleu_deinit(&s);
    if (thx_bleu_hf_score(&h, &pairs, 4, false, &err) == THORAX_OK) check(is_within(h.corpus.score, 0, 1));
    thx_bleu_hf_deinit(&h);
    if (thx_cider_d(&d, &pairs, &err) == THORAX_OK) check(is_within(d.corpus, 0, 10));
    thx_cider_deinit(&d);
    if (thx_bleu2_radcliq(two, NULL, &pairs, &err) == THORAX_OK) check(is_within(two[2], 0, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size ? memchr(data, 0xfe, size) : NULL;
    const size_t   n = cut ? (size_t)(cut - data) : size / 2, m = size - n - (cut != NULL);
    char          *a = calloc(n + 1, 1), *b = calloc(m + 1, 1);

    if (a && b && size) {
        memcpy(a, data, n);
        memcpy(b, data + size - m, m);
        split((const char *)data, size);
        clean((const char *)data, size);
        stem((const char *)data, size);
        score(a, b);
    }
    free(a);
    free(b);
    return 0;
}
