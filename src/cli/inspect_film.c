/* thorax inspect film: what a file holds. */
#include "base/npy.h"
#include "cli/inspect.h"

/* The picture as [height, width, 3], row by row. */
static thorax_status write_picture(const thx_film *film, const cli_values *v, const char *path,
                                   thorax_error *err)
{
    thx_profile profile;
    thx_picture p;
    thx_npy_writer *w = NULL;

    if (!thx_profile_parse(&profile, cli_text(v, CLI_PROFILE)))
        return thx_fail(err, THORAX_USAGE, 0, "profile not known");
    thorax_status st = thx_film_render(&p, film, profile, err);
    if (!st) st = thx_npy_begin(&w, path, "u1", (size_t[]){ p.height, p.width, 3 }, 3, err);
    for (size_t i = 0; !st && i < (size_t)p.width * p.height; i++) {
        const unsigned char *in = p.data + i * p.channels;
        const unsigned char rgb[3] = { in[0], in[p.channels > 1 ? 1 : 0],
                                       in[p.channels > 1 ? 2 : 0] };
        st = thx_npy_add(w, rgb, 3, err);
    }
    if (st) thx_npy_cancel(w);
    else st = thx_npy_end(w, err);
    thx_picture_deinit(&p);
    return st;
}

static thorax_status write_samples(const thx_film *film, const char *path, thorax_error *err)
{
    const size_t shape[3] = { film->height, film->width, film->channels };
    return thx_npy_write(path, film->sample_bytes == 2 ? "u2" : "u1", film->samples, shape,
                         film->channels > 1 ? 3 : 2, err);
}

int cli_inspect_film(const cli_values *v)
{
    const char *out = cli_text(v, CLI_OUTPUT);
    thx_film *film;
    thorax_error err;

    if (!cli_operands(v, 1, false, "a film")) return CLI_USAGE;
    thorax_status st = thx_film_open(&film, v->operands[0], NULL, &err);
    if (!st && out)
        st = cli_text(v, CLI_PROFILE) ? write_picture(film, v, out, &err)
                                      : write_samples(film, out, &err);
    const int code =
        st ? cli_fail(v, &err)
           : cli_print_json(v, json_pack("{s:s, s:I, s:I, s:I, s:s, s:s}", "format", film->format,
                                         "width", (json_int_t)film->width, "height",
                                         (json_int_t)film->height, "bits", (json_int_t)film->bits,
                                         "decoded", film->decoded, "sha256", film->sha256));
    thx_film_close(film);
    return code;
}
