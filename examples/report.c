/* Asks a model for a report of a film, then where the heart is: report MODEL FILM
 *
 * gcc -std=c11 report.c $(pkg-config --cflags --libs thorax) */
#include <stdio.h>
#include <thorax.h>

static bool show(void *data, const char *text, size_t size)
{
    return fwrite(text, 1, size, data) == size; /* false would stop the answer */
}

int main(int argc, char **argv)
{
    thorax_model   *model = NULL;
    thorax_film    *film = NULL;
    thorax_session *session = NULL;
    thorax_result  *report = NULL, *heart = NULL;
    thorax_error    err;
    size_t          n = 0;

    if (argc != 3) return 2;
    thorax_options options = thorax_options_default();
    options.on_text = show;
    options.data = stdout;
    if (thorax_model_open(&model, argv[1], NULL, &err)) goto done;
    if (thorax_film_open(&film, argv[2], NULL, &err)) goto done;
    if (thorax_session_open(&session, model, film, &err)) goto done;
    if (thorax_report(&report, session, &options, &err)) goto done; /* printed as it comes */
    if (thorax_ground(&heart, session, "heart", THORAX_GROUND_AUTO, NULL, &err)) goto done;
    const thorax_labelled_box *boxes = thorax_result_boxes(heart, &n);
    for (size_t i = 0; i < n; i++)
        printf("\n%s: %.2f %.2f %.2f %.2f", boxes[i].label, boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2);
    printf("\n%s\n", thorax_notice());
done:
    if (!heart) fprintf(stderr, "%s\n", err.text);
    const int code = heart ? 0 : 1;
    thorax_result_close(heart);
    thorax_result_close(report);
    thorax_session_close(session);
    thorax_film_close(film);
    thorax_model_close(model);
    return code;
}
