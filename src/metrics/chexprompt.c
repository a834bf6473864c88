/* The reading of CheXprompt's replies; see chexprompt.h. */
#include "metrics/chexprompt.h"
#include "metrics/find.h"

#include <string.h>

#define LABEL(kind) "Number of clinically " kind " errors by type:"

const char *const thx_chexprompt_names[THX_CHEXPROMPT_KINDS] = { "false_positive_finding",    "omission_finding",
                                                                 "incorrect_location",        "incorrect_severity",
                                                                 "false_positive_comparison", "omission_comparison" };

/* Behind the last `label` in p .. end; NULL: there is none. */
static const char *last_label(const char *p, const char *end, const char *label)
{
    const size_t n = strlen(label);
    const char  *found = NULL;

    while ((p = thx_find(p, (size_t)(end - p), label))) found = p += n;
    return found;
}

static const char *skip(const char *p, const char *end, const char *set)
{
    while (p < end && *p && strchr(set, *p)) p++;
    return p;
}

/* A letter, a comma, a number: "A, 1". NULL: something else. */
static const char *read_pair(const char *p, const char *end, size_t *kind, uint32_t *count)
{
    const char *digits;

    if (p == end || *p < 'A' || *p >= 'A' + THX_CHEXPROMPT_KINDS) return NULL;
    *kind = (size_t)(*p - 'A');
    p = skip(p + 1, end, " \t");
    if (p == end || *p != ',') return NULL;
    p = digits = skip(p + 1, end, " \t");
    for (*count = 0; p < end && *p >= '0' && *p <= '9' && p - digits < 7; p++)
        *count = *count * 10 + (uint32_t)(*p - '0');
    return p == digits || p - digits > 6 ? NULL : p;
}

/* Six pairs of p .. end, each letter once. */
static bool read_list(uint32_t counts[THX_CHEXPROMPT_KINDS], const char *p, const char *end)
{
    static const char brackets[] = " \t\r\n()[],";
    unsigned          seen = 0;

    for (size_t i = 0; i < THX_CHEXPROMPT_KINDS; i++) {
        size_t   kind;
        uint32_t count;

        p = read_pair(skip(p, end, brackets), end, &kind, &count);
        if (!p || seen & 1u << kind) return false;
        seen |= 1u << kind;
        counts[kind] = count;
    }
    p = skip(p, end, " \t)],.");
    return p == end || *p == '\n' || *p == '\r';
}

bool thx_chexprompt_parse(thx_chexprompt_counts *out, const char *reply, size_t size)
{
    const char *end = thx_find(reply, size, "Explanation");
    const char *first, *second, *middle;

    if (!end) end = reply + size;
    first = last_label(reply, end, LABEL("significant"));
    second = last_label(reply, end, LABEL("insignificant"));
    if (!first || !second || first > second) return false;
    middle = second - strlen(LABEL("insignificant"));
    return read_list(out->significant, first, middle) && read_list(out->insignificant, second, end);
}
