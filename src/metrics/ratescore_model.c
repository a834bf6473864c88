/* RaTEScore end to end; see ratescore_model.h. */
#include "metrics/ratescore_model.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

enum { SENTENCE_IDS = 512, ENTITY_IDS = 30, LABELS_MAX = 256, CONFIG_MAX_BYTES = 16 << 20, AT_ONCE = 32 };

struct thx_rate_model {
    thx_text_encoder *ner, *embed;
    thx_weight       *w, *b;   /* [labels, D], [labels] */
    json_t           *config;  /* the labels' names lie in it */
    const char       *labels[LABELS_MAX];
    size_t            n_labels;
    char              identity[65];
};

static thorax_status no_memory(thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for the entities of reports");
}

/* ---- Opening ---- */

static bool is_known(const char *label)
{
    if (!strcmp(label, "O")) return true;
    return (label[0] == 'B' || label[0] == 'I') && label[1] == '-' && thx_rate_type_of(label + 2) != THX_RATE_TYPES;
}

/* id2label: {"0": "B-ABNORMALITY", …}. */
static thorax_status read_labels(thx_rate_model *m, const char *path, thorax_error *err)
{
    const json_t *names = json_object_get(m->config, "id2label");

    m->n_labels = json_object_size(names);
    if (!m->n_labels || m->n_labels > LABELS_MAX)
        return thx_fail(err, THORAX_MODEL, 0, "%s: id2label: 1 to %d labels expected, found %zu", path, LABELS_MAX,
                        m->n_labels);
    for (size_t i = 0; i < m->n_labels; i++) {
        char id[24];
        snprintf(id, sizeof id, "%zu", i);
        m->labels[i] = json_string_value(json_object_get(names, id));
        if (!m->labels[i] || !is_known(m->labels[i]))
            return thx_fail(err, THORAX_MODEL, 0,
                            "%s: id2label: %s: O, or B- or I- with a type of RaTEScore's expected, found '%.40s'", path,
                            id, m->labels[i] ? m->labels[i] : "");
    }
    return THORAX_OK;
}

static thorax_status open_head(thx_rate_model *m, const char *folder, thorax_error *err)
{
    const size_t  D = thx_text_encoder_width(m->ner);
    char         *path = thx_path_join(folder, "config.json");
    thorax_status st = path ? thx_json_read(&m->config, path, CONFIG_MAX_BYTES, err) : no_memory(err);

    if (!st) st = read_labels(m, path, err);
    if (!st) st = thx_text_encoder_matrix(m->ner, &m->w, "classifier.weight", m->n_labels, D, err);
    if (!st) st = thx_text_encoder_vector(m->ner, &m->b, "classifier.bias", m->n_labels, err);
    free(path);
    return st;
}

static void identify(thx_rate_model *m)
{
    thx_sha256 h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, thx_text_encoder_identity(m->ner), 64);
    thx_sha256_add(&h, thx_text_encoder_identity(m->embed), 64);
    thx_sha256_end(&h, m->identity);
}

thorax_status thx_rate_model_open(thx_rate_model **out, thx_ctx *ctx, const char *ner, const char *embed,
                                  thorax_error *err)
{
    thx_rate_model *m = calloc(1, sizeof *m);
    thorax_status   st = m ? thx_text_encoder_open(&m->ner, ctx, ner, NULL, err) : no_memory(err);

    *out = NULL;
    if (!st) st = open_head(m, ner, err);
    if (!st) st = thx_text_encoder_open(&m->embed, ctx, embed, NULL, err);
    if (!st) {
        identify(m);
        *out = m;
        return THORAX_OK;
    }
    thx_rate_model_close(m);
    return st;
}

void thx_rate_model_close(thx_rate_model *m)
{
    if (!m) return;
    thx_text_encoder_close(m->ner);
    thx_text_encoder_close(m->embed);
    json_decref(m->config);
    free(m);
}

const char       *thx_rate_model_identity(const thx_rate_model *m) { return m->identity; }
size_t            thx_rate_model_labels(const thx_rate_model *m) { return m->n_labels; }
const char *thx_rate_model_label(const thx_rate_model *m, size_t i) { return i < m->n_labels ? m->labels[i] : NULL; }
thx_text_encoder *thx_rate_model_embed(thx_rate_model *m) { return m->embed; }

/* ---- Logits ---- */

thorax_status thx_rate_model_logits(thx_rate_model *m, const char *const *sentences, size_t n, thx_ids *ids,
                                    size_t *ends, float **logits, thorax_error *err)
{
    const size_t  D = thx_text_encoder_width(m->ner), layers = thx_text_encoder_layers(m->ner);
    thorax_status st = THORAX_OK;

    *logits = NULL;
    for (size_t i = 0; !st && i < n; i++) {
        st = thx_text_encoder_ids(m->ner, sentences[i], strlen(sentences[i]), SENTENCE_IDS, true, ids, err);
        ends[i] = ids->size;
    }
    if (st || !n) return st;
    float *rows = calloc(ids->size, D * sizeof *rows);
    *logits = calloc(ids->size, m->n_labels * sizeof **logits);
    st = rows && *logits && !ids->failed ? thx_text_encoder_hidden(m->ner, ids->data, ends, n, layers, true, rows, err)
                                         : no_memory(err);
    if (!st) st = thx_text_encoder_linear(m->ner, *logits, rows, ids->size, m->w, m->b, m->n_labels, D, err);
    free(rows);
    if (!st) return st;
    free(*logits);
    *logits = NULL;
    return st;
}

/* ---- Entities ---- */

/* Of one sentence: its ids [n] and the label of each. */
typedef struct labelled {
    const int32_t   *ids;
    const char     **tokens, **labels;
    thx_rate_entity *entities;
    size_t           n;
} labelled;

static void choose_labels(const thx_rate_model *m, labelled *s, const float *logits)
{
    for (size_t i = 0; i < s->n; i++) {
        const float *row = logits + i * m->n_labels;
        size_t       best = 0;
        for (size_t k = 1; k < m->n_labels; k++)
            if (row[k] > row[best]) best = k;
        s->labels[i] = m->labels[best];
        s->tokens[i] = s->ids[i] == thx_text_encoder_first(m->ner)  ? "[CLS]"
                       : s->ids[i] == thx_text_encoder_last(m->ner) ? "[SEP]"
                                                                    : "";
    }
}

/* Appends the entities of a sentence to those of its report. */
static thorax_status add_entities(const thx_rate_model *m, const labelled *s, size_t count, thx_rate_found *f,
                                  thorax_error *err)
{
    char         **texts = realloc(f->texts, (f->n + count + 1) * sizeof *texts);
    thx_rate_type *types = texts ? realloc(f->types, (f->n + count + 1) * sizeof *types) : NULL;
    thorax_status  st = THORAX_OK;

    if (texts) f->texts = texts;
    if (!types) return no_memory(err);
    f->types = types;
    for (size_t i = 0; !st && i < count; i++) {
        const thx_rate_entity *e = &s->entities[i];
        thx_string             text = { 0 };
        st = thx_tokenizer_decode(thx_text_encoder_tokenizer(m->ner), s->ids + e->first, e->last - e->first + 1, false,
                                  &text, err);
        f->types[f->n] = thx_rate_type_of(e->type);
        f->texts[f->n] = st ? NULL : thx_string_take(&text);
        if (st) thx_string_deinit(&text);
        else if (!f->texts[f->n]) st = no_memory(err);
        else f->n++;
    }
    return st;
}

static thorax_status read_sentence(const thx_rate_model *m, const int32_t *ids, size_t n, const float *logits,
                                   thx_rate_found *f, thorax_error *err)
{
    labelled      s = { .ids = ids, .n = n };
    thorax_status st;

    s.tokens = calloc(n + 1, sizeof *s.tokens);
    s.labels = calloc(n + 1, sizeof *s.labels);
    s.entities = calloc(n + 1, sizeof *s.entities);
    st = s.tokens && s.labels && s.entities ? THORAX_OK : no_memory(err);
    if (!st) {
        choose_labels(m, &s, logits);
        st = add_entities(m, &s, thx_rate_entities(s.entities, s.tokens, s.labels, n), f, err);
    }
    free(s.tokens);
    free(s.labels);
    free(s.entities);
    return st;
}

/* ---- Vectors ---- */

thorax_status thx_rate_model_entity_ids(const thx_rate_model *m, const char *text, thx_ids *ids, thorax_error *err)
{
    return thx_text_encoder_ids(m->embed, text, strlen(text), ENTITY_IDS, true, ids, err);
}

/* Vectors of a report's entities. */
static thorax_status embed(thx_rate_model *m, thx_rate_found *f, thorax_error *err)
{
    const size_t  D = thx_text_encoder_width(m->embed), layers = thx_text_encoder_layers(m->embed);
    size_t       *ends = calloc(f->n + 1, sizeof *ends);
    thx_ids       ids = { 0 };
    thorax_status st = ends ? THORAX_OK : no_memory(err);

    for (size_t i = 0; !st && i < f->n; i++) {
        st = thx_rate_model_entity_ids(m, f->texts[i], &ids, err);
        ends[i] = ids.size;
    }
    f->vectors = calloc(f->n + 1, D * sizeof *f->vectors);
    if (!st && (!f->vectors || ids.failed)) st = no_memory(err);
    if (!st && f->n) st = thx_text_encoder_cls(m->embed, ids.data, ends, f->n, layers, true, f->vectors, err);
    thx_ids_deinit(&ids);
    free(ends);
    return st;
}

/* ---- Reports ---- */

/* At most AT_ONCE reports, whose sentences go through the classifier together. */
typedef struct group { thx_report_words reports[AT_ONCE]; const char **sentences; size_t *ends, n, n_sentences; } group;

static thorax_status split(group *g, const char *const *reports, thorax_error *err)
{
    thorax_status st = THORAX_OK;
    size_t        at = 0;

    for (size_t i = 0; !st && i < g->n; i++) {
        st = thx_rate_sentences(&g->reports[i], reports[i], err);
        g->n_sentences += g->reports[i].n;
    }
    g->sentences = calloc(g->n_sentences + 1, sizeof *g->sentences);
    g->ends = calloc(g->n_sentences + 1, sizeof *g->ends);
    if (!st && (!g->sentences || !g->ends)) st = no_memory(err);
    for (size_t i = 0; !st && i < g->n; i++)
        for (size_t k = 0; k < g->reports[i].n; k++) g->sentences[at++] = g->reports[i].at[k];
    return st;
}

static thorax_status read_group(thx_rate_model *m, group *g, thx_rate_found *found, thorax_error *err)
{
    thx_ids       ids = { 0 };
    float        *logits;
    thorax_status st = thx_rate_model_logits(m, g->sentences, g->n_sentences, &ids, g->ends, &logits, err);

    for (size_t i = 0, at = 0, s = 0; !st && i < g->n; i++) {
        for (size_t k = 0; !st && k < g->reports[i].n; k++, s++) {
            st = read_sentence(m, ids.data + at, g->ends[s] - at, logits + at * m->n_labels, &found[i], err);
            at = g->ends[s];
        }
        if (!st) st = embed(m, &found[i], err);
    }
    thx_ids_deinit(&ids);
    free(logits);
    return st;
}

thorax_status thx_rate_model_find(thx_rate_model *m, const char *const *reports, size_t n, thx_rate_found *found,
                                  thorax_error *err)
{
    thorax_status st = THORAX_OK;

    if (n) memset(found, 0, n * sizeof *found);
    for (size_t at = 0; !st && at < n; at += AT_ONCE) {
        group g = { .n = n - at < AT_ONCE ? n - at : AT_ONCE };
        st = split(&g, reports + at, err);
        if (!st) st = read_group(m, &g, found + at, err);
        for (size_t i = 0; i < g.n; i++) thx_report_words_deinit(&g.reports[i]);
        free(g.sentences);
        free(g.ends);
    }
    for (size_t i = 0; st && i < n; i++) thx_rate_found_deinit(&found[i]);
    return st;
}

void thx_rate_found_deinit(thx_rate_found *f)
{
    for (size_t i = 0; i < f->n; i++) free(f->texts[i]);
    free(f->texts);
    free(f->types);
    free(f->vectors);
    *f = (thx_rate_found){ 0 };
}

/* ---- Scores ---- */

thorax_status thx_rate_model_scores(thx_rate_model *m, const char *const *hypotheses, const char *const *references,
                                    size_t n, thx_rate_weights weights, thx_rate_score *scores, thorax_error *err)
{
    const size_t    D = thx_text_encoder_width(m->embed);
    thx_rate_found *found = calloc(2 * n + 1, sizeof *found);
    thorax_status   st = found ? thx_rate_model_find(m, hypotheses, n, found, err) : no_memory(err);

    if (!st) st = thx_rate_model_find(m, references, n, found + n, err);
    for (size_t i = 0; !st && i < n; i++) {
        const thx_rate_side h = { found[i].vectors, found[i].types, found[i].n };
        const thx_rate_side r = { found[n + i].vectors, found[n + i].types, found[n + i].n };
        scores[i] = thx_ratescore(&r, &h, D, weights);
    }
    for (size_t i = 0; found && i < 2 * n; i++) thx_rate_found_deinit(&found[i]);
    free(found);
    return st;
}
