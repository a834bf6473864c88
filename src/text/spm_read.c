/* Reads tokenizer.model, the ModelProto of SentencePiece: pieces, and what trainer and normaliser say
 * of them. Then what transformers' slow Llama tokenizer puts around it: special tokens, BOS. A setting
 * whose effect is not known here is refused by its name. */
#include "text/config.h"
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
        if (f.number == NORMALIZER_MAP && f.kind == THX_FIELD_BYTES && f.bytes.size)
            st = thx_fail(r->err, THORAX_FORMAT, 0, "a normaliser with a table of characters is not supported");
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
    if (r->type != BPE)
        return thx_fail(r->err, THORAX_FORMAT, 0, "expected a model of type BPE, found type %s",
                        r->type < 5 ? kinds[r->type] : "unknown");
    if (!r->extra_blanks)
        return thx_fail(r->err, THORAX_FORMAT, 0, "remove_extra_whitespaces is not supported");
    if (s->unknown < 0) return thx_fail(r->err, THORAX_FORMAT, 0, "expected an unknown piece, found none");
    for (int i = 0; i < 256; i++)
        if ((s->bytes[i] >= 0) != s->byte_fallback)
            return thx_fail(r->err, THORAX_FORMAT, 0, "byte_fallback is %s, but the piece <0x%02X> is %s",
                            s->byte_fallback ? "on" : "off", (unsigned)i,
                            s->byte_fallback ? "missing" : "there");
    return THORAX_OK;
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
    return st ? st : thx_bpe_index(&r->t->bpe, 0, r->err);
}

static thorax_status read_file(thx_tokenizer *t, const char *path, thorax_error *err)
{
    static const char lfs[] = "version https://git-lfs";
    thx_map map;
    thorax_status st = thx_map_open(&map, path, err);
    reader r = { .t = t, .type = UNIGRAM, .err = err };

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
    thorax_status st = read_file(t, path, err);
    if (!st) st = thx_text_config(&config, folder, "tokenizer_config.json", err);
    if (!st) st = thx_tokenizer_read_specials(t, folder, names, ids, err);
    if (!st) {
        t->spm.legacy = thx_text_flag(config, "legacy", true);
        t->before = thx_text_flag(config, "add_bos_token", true) ? ids[THX_BOS] : -1;
        t->after = thx_text_flag(config, "add_eos_token", false) ? ids[THX_EOS] : -1;
        t->pad = ids[THX_PAD];
    }
    json_decref(config);
    return st;
}
