/* Settings of BERTScore, and baselines: what unrelated texts get from an encoder's layer, put to 0 by rescaling. */
#include "metrics/bertscore.h"

#include "base/file.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 1 << 20, FIELD = 64 };

/* ---- Known settings; baselines are rows of the package's tables for English (rescale_baseline/en) ---- */

static const float distilbert_5[3] = { 0.6666034f, 0.66660464f, 0.66620487f };
static const float roberta_17[3] = { 0.83150584f, 0.8314941f, 0.83122575f };
static const float distilroberta_5[3] = { 0.84732f, 0.84759504f, 0.8473319f };

static const thx_bertscore_settings presets[] = {
    { .name = "radvlm", .model = "distilbert-base-uncased", .layer = 5, .baseline = distilbert_5, .batch_size = 64 },
    { .name = "english", .model = "roberta-large", .layer = 17, .batch_size = 64 },
    { .name = "radcliq", .model = "distilroberta-base", .layer = 5, .baseline = distilroberta_5, .batch_size = 64,
      .collapse_blanks = true },
    { .name = "radcliq-idf", .model = "distilroberta-base", .layer = 5, .idf = true, .baseline = distilroberta_5,
      .batch_size = 64, .collapse_blanks = true },
};

const char *const thx_bertscore_presets[] = { "radvlm", "english", "radcliq", "radcliq-idf", NULL };

const thx_bertscore_settings *thx_bertscore_preset(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (!strcmp(presets[i].name, name)) return &presets[i];
    return NULL;
}

const float *thx_bertscore_baseline(const char *model, size_t layer)
{
    static const struct { const char *model; size_t layer; const float *prf; } known[] = {
        { "distilbert-base-uncased", 5, distilbert_5 },
        { "roberta-large", 17, roberta_17 },
        { "distilroberta-base", 5, distilroberta_5 },
    };

    for (size_t i = 0; model && i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i].model, model) && known[i].layer == layer) return known[i].prf;
    return NULL;
}

/* ---- Rescaling ---- */

void thx_bertscore_rescale(thx_bertscore *values, size_t n, const float b[3])
{
    for (size_t i = 0; i < n; i++)
        values[i] = (thx_bertscore){ (values[i].p - b[0]) / (1 - b[0]), (values[i].r - b[1]) / (1 - b[1]),
                                     (values[i].f - b[2]) / (1 - b[2]) };
}

/* ---- Tables ---- */

/* The next line that is not blank: [*line, end of it); false at the end of the text. */
static bool next_line(const char **line, const char **end, const char *text_end)
{
    for (;;) {
        *line = *end;
        while (*line < text_end && (*line)[0] && strchr(" \t\r\n", (*line)[0])) ++*line;
        if (*line == text_end) return false;
        *end = memchr(*line, '\n', (size_t)(text_end - *line));
        if (!*end) *end = text_end;
        return true;
    }
}

/* One number, up to the next comma or the end of the line, blanks around it aside. */
static bool read_field(double *out, const char **at, const char *end)
{
    char        field[FIELD], *stop;
    const char *comma = memchr(*at, ',', (size_t)(end - *at));
    const char *until = comma ? comma : end;
    size_t      n = (size_t)(until - *at);

    if (n >= sizeof field) return false;
    memcpy(field, *at, n);
    while (n && isspace((unsigned char)field[n - 1])) n--;
    field[n] = 0;
    *out = strtod(field, &stop);
    *at = comma ? comma + 1 : end;
    return n && stop == field + n && isfinite(*out);
}

thorax_status thx_bertscore_baseline_parse(float b[3], const char *text, size_t size, size_t layer,
                                           const char *where, thorax_error *err)
{
    const char *line, *end = text;
    size_t      row = 0;
    double      x[4];

    for (bool heading = true; next_line(&line, &end, text + size); heading = false)
        if (!heading && row++ == layer) {
            for (size_t i = 0; i < 4; i++)
                if (!read_field(&x[i], &line, end) || (i && (float)x[i] == 1))
                    return thx_fail(err, THORAX_FORMAT, 0, "%s: row %zu: expected a layer and three baselines",
                                    where, layer);
            for (size_t i = 0; i < 3; i++) b[i] = (float)x[i + 1];
            return THORAX_OK;
        }
    return thx_fail(err, THORAX_FORMAT, 0, "%s: row %zu wanted, the table has %zu", where, layer, row);
}

thorax_status thx_bertscore_baseline_read(float b[3], const char *path, size_t layer, thorax_error *err)
{
    char         *text = NULL;
    size_t        size = 0;
    thorax_status st = thx_file_read(&text, &size, path, FILE_BYTES, err);

    if (!st) st = thx_bertscore_baseline_parse(b, text, size, layer, path, err);
    free(text);
    return st;
}
