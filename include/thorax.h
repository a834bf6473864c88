/* thorax.h - chest X-ray vision-language models: open, look, answer.
 *
 * A program opens a model folder as it was published, reads a film, and asks:
 *
 *     thorax_model *model;  thorax_film *film;  thorax_result *result;
 *     thorax_error  err;
 *
 *     if (thorax_model_open(&model, "radvlm", NULL, &err)) die(err.text);
 *     if (thorax_film_open(&film, "film.png", NULL, &err)) die(err.text);
 *     if (thorax_report(&result, model, film, NULL, &err)) die(err.text);
 *     puts(thorax_result_text(result));
 *
 * Research use only: nothing that comes out of this library is a diagnosis.
 *
 * Ownership is in the verb: what `open` made, `close` frees; close(NULL) is fine.
 * A returned `const char *` or array is a view that lives as long as its owner.
 * Threads: a model or a film may serve many threads at once; a session or a
 * result belongs to one thread at a time. No function prints, exits, or reads
 * the environment. Strings are UTF-8; text from users is never trusted. */
#ifndef THORAX_H
#define THORAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define THORAX_API __attribute__((visibility("default")))
#define THORAX_MUST_USE __attribute__((warn_unused_result))
#else
#define THORAX_API
#define THORAX_MUST_USE
#endif

/* ---- Errors ---------------------------------------------------------------
 * Every call that can fail returns a status and fills *err (which may be NULL).
 * The program branches on the status; the text is for people. */
#define THORAX_STATUS_LIST(X)                                       \
    X(OK,        "no error")                                        \
    X(NOMEM,     "out of memory, or a memory limit was reached")    \
    X(IO,        "reading or writing failed")                       \
    X(FORMAT,    "input breaks its own format")                     \
    X(SHAPE,     "tensor has another shape or type")                \
    X(LIMIT,     "a limit was reached")                             \
    X(USAGE,     "an argument is out of range")                     \
    X(MODEL,     "the model folder cannot be used")                 \
    X(FILM,      "the film cannot be read or is refused")           \
    X(CANCELLED, "the caller asked to stop")

typedef enum thorax_status {
#define THORAX_STATUS_ENUM(name, text) THORAX_##name,
    THORAX_STATUS_LIST(THORAX_STATUS_ENUM)
#undef THORAX_STATUS_ENUM
} thorax_status;

typedef struct thorax_error {
    thorax_status status; /* the program branches on this                        */
    uint64_t      at;     /* byte offset in the input; 0 when there is none      */
    char          text[400]; /* for people: file, what was wanted, what was found */
} thorax_error;

#ifdef __cplusplus
}
#endif
#endif
