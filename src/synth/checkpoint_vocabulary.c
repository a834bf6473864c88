/* Inventing a vocabulary; see checkpoint_vocabulary.h.
 *
 * Every merge joins two earlier tokens into one that did not exist before, as in a trained
 * vocabulary. Words grow letter by letter from their start, those with a blank before them first, so
 * that texts about films come out at about a token a word. */
#include "synth/checkpoint_vocabulary.h"

#include <string.h>

const char *const thx_added_tokens[THX_ADDED_TOKENS] = { "<|endoftext|>", "<|im_start|>", "<|im_end|>",
                                                         "<image>", "<video>" };

static const char words[] =
    "the of and to in is a on this there are no for with please at it you an or that was as be by not from "
    "can "
    "chest radiology report image ray provide where located any abnormalities user assistant system helpful "
    "lung lungs heart clear normal pleural effusion pneumothorax cardiomegaly atelectasis consolidation "
    "edema "
    "pneumonia fracture opacity lesion enlarged cardiomediastinum mediastinum support devices left right "
    "findings impression silhouette size within limits evidence focal acute osseous bony structures tube "
    "catheter tip line pacemaker stable mild moderate severe small large bilateral unilateral lower upper "
    "middle lobe base apex hilar pulmonary vascular congestion interstitial diaphragm costophrenic angle "
    "rib ribs clavicle spine trachea aorta aortic patient film frontal view portable comparison prior study "
    "unchanged increased decreased new possible likely suggest suggests consistent represent noted seen "
    "identify describe show indicate point position location exact could would should draft write analyze "
    "concise brief detailed summary structured key exam following phrase sentence observation region area "
    "highlight mark find what which when who how why has have had were will may might been being into over "
    "under above below between both each other than then also only most more less some such very further "
    "nodule mass infiltrate scarring emphysema hernia calcification granuloma kyphosis scoliosis sternotomy "
    "wires clips surgical hardware endotracheal nasogastric feeding central venous port subclavian jugular "
    "carina stomach abdomen bowel gas free air subcutaneous soft tissue tissues neck shoulder arm cardiac "
    "contour borders margins sharp blunting blunted thickening elevated hemidiaphragm rotation inspiration "
    "quality technique limited assessment recommend correlation clinical history cough fever pain dyspnea "
    "you're helpful one two three four five first second one's x y yes";

static const char *const onsets[] = {
    "b",  "c",  "d",  "f",  "g",  "h",  "j",  "k",  "l",   "m",  "n",  "p",  "r",  "s",
    "t",  "v",  "w",  "z",  "st", "tr", "pl", "br", "cr",  "dr", "fl", "fr", "gl", "gr",
    "pr", "sc", "sh", "sl", "sp", "th", "ch", "cl", "str", "ph", "qu", "wh",
};
static const char *const vowels[] = { "a", "e", "i", "o", "u", "y", "ea", "ee", "ai", "ou", "io", "ia" };
static const char *const codas[] = {
    "n",  "r",  "l",  "t",  "s",  "m",  "d",  "c",  "p",  "x",
    "ng", "nt", "st", "rt", "ck", "th", "ll", "ss", "rm", "ns",
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
enum { NONE = UINT32_MAX, ONSETS = COUNT(onsets), VOWELS = COUNT(vowels), CODAS = COUNT(codas),
       OPEN = 2 * ONSETS * VOWELS, CLOSED = OPEN * CODAS };

typedef struct builder {
    thx_vocabulary *v;
    thx_arena      *arena;
    uint32_t        entries;
    uint32_t       *slots; /* ids by hash of the token, NONE where free */
    uint32_t        mask;
    uint32_t        of_byte[256];
    bool            failed;
} builder;

static bool printable(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

void thx_byte_symbol(char symbol[3], unsigned char byte)
{
    unsigned point = byte;

    if (!printable(byte)) {
        point = 0x100;
        for (unsigned b = 0; b < byte; b++) point += !printable(b);
    }
    if (point < 0x80) {
        symbol[0] = (char)point;
        symbol[1] = 0;
    } else {
        symbol[0] = (char)(0xc0 | point >> 6);
        symbol[1] = (char)(0x80 | (point & 0x3f));
        symbol[2] = 0;
    }
}

/* The slot of a token: where it is, or where it would go. */
static uint32_t *slot_of(builder *b, const char *token)
{
    uint32_t hash = 2166136261u;

    for (const char *c = token; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
    for (uint32_t i = hash;; i++) {
        uint32_t *slot = &b->slots[i & b->mask];
        if (*slot == NONE || !strcmp(b->v->tokens[*slot], token)) return slot;
    }
}

/* Adds a token; its id, or NONE once the vocabulary is full. */
static uint32_t add_token(builder *b, const char *token, uint32_t *slot)
{
    if (b->failed || b->v->n == b->entries) return NONE;
    b->v->tokens[b->v->n] = thx_arena_strdup(b->arena, token);
    b->failed = !b->v->tokens[b->v->n];
    return b->failed ? NONE : (*slot = b->v->n++);
}

/* The token that joins two others, new or not. */
static uint32_t join(builder *b, uint32_t left, uint32_t right)
{
    char token[128];

    if (left == NONE || right == NONE) return NONE;
    const size_t l = strlen(b->v->tokens[left]), r = strlen(b->v->tokens[right]);
    if (l + r >= sizeof token) return NONE;
    memcpy(token, b->v->tokens[left], l);
    memcpy(token + l, b->v->tokens[right], r + 1);

    uint32_t *slot = slot_of(b, token);
    if (*slot != NONE) return *slot;
    const uint32_t id = add_token(b, token, slot);
    if (id != NONE) {
        b->v->merges[b->v->n_merges][0] = left;
        b->v->merges[b->v->n_merges++][1] = right;
    }
    return id;
}

/* Grows a text letter by letter on a first token (NONE: its own first letter). */
static uint32_t grow(builder *b, uint32_t first, const char *text, size_t size)
{
    size_t i = 0;

    if (first == NONE) first = b->of_byte[(unsigned char)text[i++]];
    for (; i < size; i++) first = join(b, first, b->of_byte[(unsigned char)text[i]]);
    return first;
}

/* All words in one of their four forms. */
static void add_words(builder *b, bool blank, bool capital)
{
    for (const char *w = words; *w;) {
        const size_t n = strcspn(w, " ");
        char word[32];

        memcpy(word, w, n);
        if (capital && word[0] >= 'a' && word[0] <= 'z') word[0] = (char)(word[0] - 'a' + 'A');
        grow(b, blank ? b->of_byte[' '] : NONE, word, n);
        w += n + (w[n] == ' ');
    }
}

/* Runs of blanks and line ends, and the two bytes of accented Latin letters. */
static void add_bytes(builder *b)
{
    uint32_t blanks = b->of_byte[' '], lines = b->of_byte['\n'];

    for (int i = 0; i < 4; i++) {
        blanks = join(b, blanks, blanks);
        lines = join(b, lines, b->of_byte['\n']);
    }
    for (unsigned c = 0x80; c < 0xc0; c++) join(b, b->of_byte[0xc3], b->of_byte[c]);
}

/* Syllables, then pairs of them, each first half with each second half in a scattered order. */
static bool add_syllables(builder *b)
{
    uint32_t *open = thx_arena_alloc(b->arena, OPEN, sizeof *open);
    uint32_t *closed = thx_arena_alloc(b->arena, CLOSED, sizeof *closed);

    if (!open || !closed) return false;
    for (size_t i = 0; i < OPEN; i++) {
        const char *onset = onsets[i % ONSETS], *vowel = vowels[i / ONSETS % VOWELS];
        const uint32_t start = grow(b, i < OPEN / 2 ? NONE : b->of_byte[' '], onset, strlen(onset));

        open[i] = join(b, start, grow(b, NONE, vowel, strlen(vowel)));
    }
    for (size_t i = 0; i < CLOSED; i++) {
        const char *coda = codas[i / OPEN];
        closed[i] = join(b, open[i % OPEN], grow(b, NONE, coda, strlen(coda)));
    }
    for (size_t k = 0; k < (size_t)CLOSED * (OPEN / 2) && b->v->n < b->entries && !b->failed; k++)
        join(b, closed[k % CLOSED], open[(7 * k + k / CLOSED) % (OPEN / 2)]);
    return true;
}

/* Whatever is still missing: every token in turn, one letter longer. */
static void add_rest(builder *b)
{
    for (uint32_t id = 0; id < b->v->n && b->v->n < b->entries && !b->failed; id++)
        for (char c = 'a'; c <= 'z'; c++) join(b, id, b->of_byte[(unsigned char)c]);
}

static bool add_alphabet(builder *b)
{
    for (int pass = 0; pass < 2; pass++) /* ids: the characters that stand for themselves come first */
        for (unsigned byte = 0; byte < 256; byte++) {
            char symbol[3];

            if (printable(byte) != (pass == 0)) continue;
            thx_byte_symbol(symbol, (unsigned char)byte);
            b->of_byte[byte] = add_token(b, symbol, slot_of(b, symbol));
        }
    return !b->failed;
}

thorax_status thx_vocabulary_make(thx_vocabulary *out, thx_arena *arena, uint32_t entries, thorax_error *err)
{
    builder b = { .v = out, .arena = arena, .entries = entries, .mask = 1023 };

    *out = (thx_vocabulary){ 0 };
    while (b.mask / 2 < entries) b.mask = b.mask * 2 + 1;
    out->tokens = thx_arena_alloc(arena, entries, sizeof *out->tokens);
    out->merges = thx_arena_alloc(arena, entries, sizeof *out->merges);
    b.slots = thx_arena_alloc(arena, (size_t)b.mask + 1, sizeof *b.slots);
    b.failed = !out->tokens || !out->merges || !b.slots;
    if (!b.failed) {
        memset(b.slots, 0xff, ((size_t)b.mask + 1) * sizeof *b.slots);
        b.failed = !add_alphabet(&b);
    }
    if (!b.failed) {
        add_words(&b, true, false);
        add_bytes(&b);
        add_words(&b, true, true);
        add_words(&b, false, true);
        add_words(&b, false, false);
        b.failed = !add_syllables(&b) || b.failed;
        add_rest(&b);
    }
    return b.failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for a vocabulary of %u tokens", entries)
                    : THORAX_OK;
}
