/* What CheXbert's texts go through before they are split into word pieces. */
#ifndef THX_METRICS_CHEXBERT_TEXT_H
#define THX_METRICS_CHEXBERT_TEXT_H

#include "base/string.h"

typedef enum thx_chexbert_form {
    THX_CHEXBERT_F1,       /* the package f1chexbert: words parted by one blank                          */
    THX_CHEXBERT_LLAVARAD, /* LLaVA-Rad's scorer: the same                                               */
    THX_CHEXBERT_LIST      /* CheXbert's own list helper: without each digit-and-point pair, so "4.2" is "2" */
} thx_chexbert_form;

/* Appends the cleaned text. What is not UTF-8 becomes U+FFFD. A failed append shows in out->failed. */
void thx_chexbert_clean(thx_string *out, const char *text, size_t size, thx_chexbert_form form);

#endif
