/* Label mentions by substring, and their figures. */
#include "metrics/mentions.h"
#include "text/text.h"

#include <string.h>

const char *const *const thx_mention_names = thx_finding_names;

uint64_t thx_mentions_predicted(const char *text, const char *const *labels, size_t n)
{
    uint64_t mask = 0;

    for (size_t c = 0; c < n && c < THX_LABELS_MAX; c++) mask |= (uint64_t)thx_finding_named(text, labels[c]) << c;
    return mask;
}

uint64_t thx_mentions_understood(const char *text)
{
    thx_presence p[THX_FINDINGS];
    uint64_t     mask = 0;

    thx_findings_parse(p, text);
    for (size_t c = 0; c < THX_MENTIONS; c++) mask |= (uint64_t)(p[c] == THX_PRESENT) << c;
    return mask;
}

static bool is_label(const char *text, const char *label)
{
    return strlen(text) == strlen(label) && thx_finding_named(text, label);
}

uint64_t thx_mentions_reference(const char *const *reference, size_t n_reference, const char *const *labels, size_t n,
                                size_t *unknown)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < n_reference; i++) {
        bool found = false;
        for (size_t c = 0; c < n && c < THX_LABELS_MAX; c++) {
            const bool same = is_label(reference[i], labels[c]);
            mask |= (uint64_t)same << c;
            found |= same;
        }
        if (unknown && !found) ++*unknown;
    }
    return mask;
}

