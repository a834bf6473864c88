/* Reads tokenizer.model, the ModelProto of SentencePiece: pieces, and what trainer and normaliser say
 * of them. Then what transformers' slow Llama tokenizer puts around it: special tokens, BOS. A setting
 * whose effect is not known here is refused by its name. Of spm.model, which is of the Unigram type, the fast
 * DeBERTa-v2 tokenizer makes its own components (convert_slow_tokenizer.py), and so does this file. */
#include "text/config.h"
#include "text/unigram_json.h"
#include "text/proto.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 64 << 20 };

/* Field numbers of sentencepiece_model.proto. */
enum {
    MODEL_PIECES = 1, MODEL_TRAINER, MODEL_NORMALIZER,
    PIECE_TEXT = 1, PIECE_SCORE, PIECE_TYPE,
    TRAINER_TYPE = 3, TRAINER_SUFFIX = 24, TRAINER_BYTES = 35,
    NORMALIZER_NAME = 1, NORMALIZER_MAP, NORMALIZER_PREFIX, NORMALIZER_EXTRA, NORMALIZER_ESCAPE
};
enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };
enum { UNIGRAM = 1, BPE };

typedef struct reader {
    thx_tokenizer *t;
    size_t         room;      /* scores there is room for */
    uint64_t       type;      /* of the model             */
    bool           trainer, normalizer, extra_blanks;
    bool           unigram;   /* is wanted, else BPE      */
    thx_proto      charsmap;  /* of the normaliser        */
    thorax_error  *err;
} reader;

/* ---- Pieces ---- */

typedef struct piece { const char *text; size_t size; float score; uint64_t type; } piece;

static thorax_status read_piece(piece *p, thx_proto m, thorax_error *err)
{
    thx_field f;
    bool more = true;
    thorax_status st = THORAX_OK;

    *p = (piece){ "", 0, 0.0f, NORMAL };
    while (!st) {
        st = thx_proto_next(&m, &f, &more, err);
        if (st || !more) break;
        if (f.number == PIECE_TEXT && f.kind == THX_FIELD_BYTES) {
            p->text = (const char *)f.bytes.data;
            p->size = f.bytes.size;
        } else if (f.number == PIECE_SCORE && f.kind == THX_FIELD_32) {
            p->score = thx_field_float(&f);
        } else if (f.number == PIECE_TYPE && f.kind == THX_FIELD_NUMBER) {
            p->type = f.value;
        }
    }
    return st;
}

static thorax_status check_piece(const piece *p, int32_t id, thorax_error *err)
{
    if (!p->size) return thx_fail(err, THORAX_FORMAT, 0, "piece %d is empty", id);
    if (p->size > THX_SPM_MAX_PIECE)
        return thx_fail(err, THORAX_FORMAT, 0, "piece %d has %zu bytes, at most %d are taken", id,
                        p->size, THX_SPM_MAX_PIECE);
    if (!thx_utf8_valid(p->text, p->size))
        return thx_fail(err, THORAX_FORMAT, 0, "piece %d: expected UTF-8", id);
    if (!isfinite(p->score)) return thx_fail(err, THORAX_FORMAT, 0, "piece %d: its score is no number", id);
    if (p->type < NORMAL || p->type > BYTE)
        return thx_fail(err, THORAX_FORMAT, 0, "piece %d: expected a type of 1 to 6, found %llu", id,
                        (unsigned long long)p->type);
    return THORAX_OK;
}

/* What a type means for merging; bytes, control and unknown are found by no text. */
static thorax_status note_type(thx_spm *s, const piece *p, int32_t id, unsigned *flags, thorax_error *err)
{
    const int byte = thx_spm_byte_of(p->text, p->size);

    switch (p->type) {
    case UNKNOWN:
        if (s->unknown >= 0)
            return thx_fail(err, THORAX_FORMAT, 0, "pieces %d and %d are both the unknown one", s->unknown, id);
        s->unknown = id;
        *flags = THX_TOKEN_LITERAL;
        return THORAX_OK;
    case CONTROL:
        *flags = THX_TOKEN_LITERAL | THX_TOKEN_CONTROL;
        return THORAX_OK;
    case BYTE:
        if (byte < 0) return thx_fail(err, THORAX_FORMAT, 0, "piece %d: expected a byte such as <0x0A>", id);
        s->bytes[byte] = id;
        *flags = THX_TOKEN_LITERAL | THX_TOKEN_BYTE;
        return THORAX_OK;
    case USER_DEFINED:
        *flags = THX_TOKEN_USER;
        return thx_added_add(&s->user, p->text, p->size, id, err);
    case UNUSED:
        s->unused = true;
        *flags = THX_TOKEN_UNUSED;
        return THORAX_OK;
    default:
        return THORAX_OK;
    }
}

static thorax_status add_score(reader *r, float score)
{
    thx_spm *s = &r->t->spm;

    if (s->n_scores == r->room) {
        const size_t room = r->room ? 2 * r->room : 4096;
        float *scores = realloc(s->scores, room * sizeof *scores);
        if (!scores) return thx_fail(r->err, THORAX_NOMEM, 0, "out of memory");
        s->scores = scores;
        r->room = room;
    }
    s->scores[s->n_scores++] = score;
    return THORAX_OK;
}

static thorax_status add_piece(reader *r, thx_proto m)
{
    thx_spm *s = &r->t->spm;
    const int32_t id = (int32_t)s->n_scores;
    unsigned flags = 0;
    piece p;
    thorax_status st = read_piece(&p, m, r->err);

    if (!st) st = check_piece(&p, id, r->err);
    if (!st) st = note_type(s, &p, id, &flags, r->err);
    if (!st) st = thx_bpe_add(&r->t->bpe, id, p.text, p.size, flags, r->err);
    if (!st && !(flags & THX_TOKEN_LITERAL) && p.size > s->longest) s->longest = p.size;
    return st ? st : add_score(r, p.score);
}

/* ---- Trainer and normaliser ---- */

static thorax_status read_trainer(reader *r, thx_proto m)
{
    thx_field f;
    bool more = true;
    thorax_status st = THORAX_OK;

    r->trainer = true;
    while (!st) {
        st = thx_proto_next(&m, &f, &more, r->err);
        if (st || !more) break;
        if (f.kind != THX_FIELD_NUMBER) continue;
        if (f.number == TRAINER_TYPE) r->type = f.value;
        if (f.number == TRAINER_BYTES) r->t->spm.byte_fallback = f.value;
        if (f.number == TRAINER_SUFFIX && f.value)
            st = thx_fail(r->err, THORAX_FORMAT, 0, "treat_whitespace_as_suffix is not supported");
    }
    return st;
}

static thorax_status read_normalizer(reader *r, thx_proto m)
{
    thx_field f;
    bool more = true;
    thorax_status st = THORAX_OK;

    r->normalizer = true;
    while (!st) {
        st = thx_proto_next(&m, &f, &more, r->err);
        if (st || !more) break;
        if (f.number == NORMALIZER_MAP && f.kind == THX_FIELD_BYTES) r->charsmap = f.bytes;
        if (f.kind != THX_FIELD_NUMBER) continue;
        if (f.number == NORMALIZER_PREFIX) r->t->spm.dummy_prefix = f.value;
        if (f.number == NORMALIZER_EXTRA) r->extra_blanks = !f.value;
        if (f.number == NORMALIZER_ESCAPE) r->t->spm.escape = f.value;
    }
    return st;
}

static thorax_status check_model(const reader *r)
{
    static const char *const kinds[] = { "", "unigram", "BPE", "word", "char" };
    const thx_spm *s = &r->t->spm;

    if (!s->n_scores) return thx_fail(r->err, THORAX_FORMAT, 0, "expected pieces, found none");
    if (!r->trainer || !r->normalizer)
        return thx_fail(r->err, THORAX_FORMAT, 0, "the file ends before its %s",
                        r->trainer ? "normaliser" : "trainer's settings");
    if (r->type != (r->unigram ? UNIGRAM : BPE))
        return thx_fail(r->err, THORAX_FORMAT, 0, "expected a model of type %s, found type %s",
                        r->unigram ? "unigram" : "BPE", r->type < 5 ? kinds[r->type] : "unknown");
    if (!r->unigram && r->charsmap.size)
        return thx_fail(r->err, THORAX_FORMAT, 0, "a normaliser with a table of characters is not supported");
    if (!r->unigram && !r->extra_blanks)
        return thx_fail(r->err, THORAX_FORMAT, 0, "remove_extra_whitespaces is not supported");
    if (s->unknown < 0) return thx_fail(r->err, THORAX_FORMAT, 0, "expected an unknown piece, found none");
    for (int i = 0; i < 256 && !r->unigram; i++)
        if ((s->bytes[i] >= 0) != s->byte_fallback)
            return thx_fail(r->err, THORAX_FORMAT, 0, "byte_fallback is %s, but the piece <0x%02X> is %s",
                            s->byte_fallback ? "on" : "off", (unsigned)i,
                            s->byte_fallback ? "missing" : "there");
    return THORAX_OK;
}

/* What was read, as the Unigram kind has it. */
static thorax_status make_unigram(reader *r)
{
    thx_spm      *s = &r->t->spm;
    thx_unigram  *u = &r->t->unigram;
    thorax_status st = THORAX_OK;

    u->unknown = s->unknown;
    u->byte_fallback = s->byte_fallback;
    u->longest = s->longest;
    memcpy(u->bytes, s->bytes, sizeof u->bytes);
    for (size_t i = 0; i < s->n_scores && !st; i++) st = thx_unigram_score(u, (double)s->scores[i], r->err);
    if (!st && r->charsmap.size) st = thx_charsmap_open(&u->charsmap, r->charsmap.data, r->charsmap.size, r->err);
    thx_spm_deinit(s);
    return st;
}

static thorax_status read_fields(reader *r, thx_proto m)
{
    thx_field f;
    bool more = true;
    thorax_status st = THORAX_OK;

    while (!st) {
        st = thx_proto_next(&m, &f, &more, r->err);
        if (st || !more) break;
        if (f.kind != THX_FIELD_BYTES) continue;
        if (f.number == MODEL_PIECES) st = add_piece(r, f.bytes);
        if (f.number == MODEL_TRAINER) st = read_trainer(r, f.bytes);
        if (f.number == MODEL_NORMALIZER) st = read_normalizer(r, f.bytes);
    }
    if (!st) st = check_model(r);
    if (!st && r->unigram) st = make_unigram(r);
    return st ? st : thx_bpe_index(&r->t->bpe, 0, r->err);
}

static thorax_status read_file(thx_tokenizer *t, const char *path, bool unigram, thorax_error *err)
{
    static const char lfs[] = "version https://git-lfs";
    thx_map map;
    thorax_status st = thx_map_open(&map, path, err);
    reader r = { .t = t, .type = UNIGRAM, .unigram = unigram, .err = err };

    if (st) return st;
    t->spm = (thx_spm){ .unknown = -1, .dummy_prefix = true, .escape = true };
    memset(t->spm.bytes, 0xff, sizeof t->spm.bytes);
    if (map.size >= sizeof lfs - 1 && !memcmp(map.data, lfs, sizeof lfs - 1))
        st = thx_fail(err, THORAX_FORMAT, 0, "expected a tokenizer, found a git-LFS pointer: fetch the file itself");
    else if (map.size > MAX_FILE)
        st = thx_fail(err, THORAX_FORMAT, 0, "%zu bytes, at most %d are taken", map.size, MAX_FILE);
    else
        st = read_fields(&r, (thx_proto){ map.data, map.size, 0, 0 });
    if (st) thx_error_prefix(err, path);
    thx_map_close(&map);
    return st;
}

/* ---- The wrapper ---- */

thorax_status thx_tokenizer_read_spm(thx_tokenizer *t, const char *folder, const char *path, thorax_error *err)
{
    static const char *const names[THX_SPECIALS] = {
        [THX_UNK] = "<unk>", [THX_BOS] = "<s>", [THX_EOS] = "</s>"
    };
    int32_t ids[THX_SPECIALS];
    json_t *config = NULL;

    t->kind = THX_SENTENCEPIECE;
    thorax_status st = read_file(t, path, false, err);
    if (!st) st = thx_text_config(&config, folder, "tokenizer_config.json", err);
    if (!st) st = thx_tokenizer_read_specials(t, folder, names, ids, err);
    if (!st) {
        t->spm.legacy = thx_text_flag(config, "legacy", true);
        t->before = thx_text_flag(config, "add_bos_token", true) ? ids[THX_BOS] : -1;
        t->after = thx_text_flag(config, "add_eos_token", false) ? ids[THX_EOS] : -1;
        t->pad = ids[THX_PAD];
        t->eos = ids[THX_EOS];
    }
    json_decref(config);
    return st;
}

/* ---- spm.model ---- */

/* Control pieces and what the trainer was told to keep whole are added tokens. */
static thorax_status add_symbols(thx_tokenizer *t, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t id = 0; id < t->unigram.n_scores && !st; id++) {
        const thx_place p = t->bpe.places[id];
        const char     *bytes = t->bpe.bytes.data + p.at;
        const bool      control = t->bpe.flags[id] & THX_TOKEN_CONTROL;

        if ((!control && !(t->bpe.flags[id] & THX_TOKEN_USER)) || thx_added_find(&t->raw, bytes, p.size) >= 0 ||
            thx_added_find(&t->normalised, bytes, p.size) >= 0)
            continue;
        st = thx_added_add(&t->raw, bytes, p.size, (int32_t)id, err);
        if (control) t->bpe.flags[id] |= THX_TOKEN_SPECIAL;
    }
    return st;
}

static void set_form(thx_unigram *u, bool lower)
{
    if (lower) u->steps[u->n_steps++] = THX_FORM_LOWER;
    u->steps[u->n_steps++] = THX_FORM_STRIP_LEFT;
    u->steps[u->n_steps++] = THX_FORM_STRIP_RIGHT;
    if (u->charsmap.units) u->steps[u->n_steps++] = THX_FORM_CHARSMAP;
    u->steps[u->n_steps++] = THX_FORM_ONE_BLANK;
}

thorax_status thx_tokenizer_read_pieces(thx_tokenizer *t, const char *folder, const char *path, thorax_error *err)
{
    static const char *const names[THX_SPECIALS] = { "[UNK]", "[CLS]", "[SEP]", "[SEP]", "[PAD]", "[CLS]", "[MASK]" };
    int32_t ids[THX_SPECIALS];
    json_t *config = NULL;

    thx_unigram_init(t);
    thorax_status st = read_file(t, path, true, err);
    if (!st) st = thx_text_config(&config, folder, "tokenizer_config.json", err);
    if (!st && thx_text_flag(config, "split_by_punct", false))
        st = thx_fail(err, THORAX_FORMAT, 0, "tokenizer_config.json: split_by_punct is not supported");
    if (!st) {
        set_form(&t->unigram, thx_text_flag(config, "do_lower_case", false));
        st = thx_tokenizer_read_specials(t, folder, names, ids, err);
    }
    if (!st) st = add_symbols(t, err);
    if (!st) {
        t->before = ids[THX_CLS];
        t->after = ids[THX_SEP];
        t->pad = ids[THX_PAD];
    }
    json_decref(config);
    return st;
}
