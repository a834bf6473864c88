/* Numbers in digits of any script, as Python's int and float read them. */
#ifndef THX_METRICS_DIGITS_H
#define THX_METRICS_DIGITS_H

#include "metrics/words.h"

/* The value of a digit (thx_char_is_digit): those of every script lie in rows of ten, from 0 on. */
static inline unsigned thx_digit_value(uint32_t c)
{
    unsigned above = 0;

    if (c < 0x80) return c - '0';
    while (thx_char_is_digit(c - above - 1)) above++;
    return above % 10;
}

#endif
