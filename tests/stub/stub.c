/* The service that misbehaves; see stub.h. One thread, poll(), one request a connection at a time. */
#define _GNU_SOURCE /* strcasestr */
#include "stub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

enum { CONNECTIONS = 128, REQUEST_BYTES = 1 << 20, MOVE = 32, KNOWN = 256 };

typedef struct connection {
    int    fd;
    char  *in;
    size_t in_size;
    char  *out;               /* what is to be written; NULL while a request is read */
    size_t out_size, written;
    double due;               /* when                                                */
    bool   busy, hang_up, drip, endless, silent;
} connection;

typedef struct known { char *question; size_t seen; } known;

struct stub {
    int             listener, wake[2], port;
    pthread_t       thread;
    pthread_mutex_t lock;
    char           *moves, *say, *last;
    size_t          requests, most;
    connection      list[CONNECTIONS];
    size_t          n;
    known           known[KNOWN];
    size_t          n_known;
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Which move ---- */

/* The n-th move of a list, or its last. */
static void pick(char move[MOVE], const char *list, size_t n)
{
    size_t size = strcspn(list, ",;");

    for (; n && list[size] == ','; n--) {
        list += size + 1;
        size = strcspn(list, ",;");
    }
    snprintf(move, MOVE, "%.*s", (int)size, list);
}

/* How often this question was asked before. */
static size_t seen_before(stub *s, const char *question)
{
    for (size_t i = 0; i < s->n_known; i++)
        if (!strcmp(s->known[i].question, question)) return ++s->known[i].seen;
    if (s->n_known == KNOWN) return 0;
    s->known[s->n_known].question = strdup(question);
    s->known[s->n_known++].seen = 0;
    return 0;
}

static void choose(stub *s, char move[MOVE], const char *question)
{
    const char *own = question ? strstr(question, "MOVES:") : NULL;

    if (own) pick(move, own + 6, seen_before(s, question));
    else pick(move, s->moves, s->requests);
    s->requests++;
}

/* ---- What is said ---- */

static char *chat(const stub *s, const char *move, const char *question)
{
    static const char *const finishes[][2] = { { "cut", "length" }, { "filter", "content_filter" } };
    const char *finish = "stop";
    char        text[4096];

    for (size_t i = 0; i < 2; i++)
        if (!strcmp(move, finishes[i][0])) finish = finishes[i][1];
    snprintf(text, sizeof text, "echo %s", question ? question : "");
    json_t *message = json_pack("{s:s, s:s}", "role", "assistant", "content", s->say ? s->say : text);
    if (!strcmp(move, "bad")) json_object_set_new(message, "content", json_string("nonsense"));
    if (!strcmp(move, "empty")) json_object_set_new(message, "content", json_null());
    if (!strcmp(move, "refusal")) json_object_set_new(message, "refusal", json_string("I cannot help with that."));
    json_t *root = json_pack("{s:s, s:[{s:i, s:s, s:o}], s:{s:i, s:i}}", "model", "stub-1", "choices", "index", 0,
                             "finish_reason", finish, "message", message, "usage", "prompt_tokens", 100,
                             "completion_tokens", 10);
    if (!strcmp(move, "nousage")) json_object_del(root, "usage");
    char *body = json_dumps(root, 0);
    json_decref(root);
    if (!strcmp(move, "broken")) body[strlen(body) / 2] = 0;
    return body;
}

static void write_head(char *head, size_t room, int status, const char *type, size_t length, const char *extra)
{
    snprintf(head, room, "HTTP/1.1 %d x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status, type, length,
             extra);
}

static void say(connection *c, const char *head, const char *body)
{
    c->out_size = strlen(head) + strlen(body);
    c->out = malloc(c->out_size + 1);
    if (!c->out) die("malloc");
    memcpy(c->out, head, strlen(head));
    memcpy(c->out + strlen(head), body, strlen(body) + 1);
    c->written = 0;
}

static void say_status(connection *c, const char *move)
{
    static const char body[] = "{\"error\":{\"code\":\"some_code\",\"message\":\"the question was: SECRET\"}}";
    const char       *after = strchr(move, ':');
    char              extra[128] = "", head[512], date[64];
    const time_t      soon = time(NULL) + 1;
    struct tm         tm;

    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&soon, &tm));
    if (after) snprintf(extra, sizeof extra, "Retry-After: %s\r\n", strcmp(after, ":date") ? after + 1 : date);
    write_head(head, sizeof head, atoi(move), "application/json", strlen(body), extra);
    say(c, head, body);
}

static void answer(stub *s, connection *c, const char *move, const char *question)
{
    char        head[512], *body = chat(s, move, question);
    size_t      length = strlen(body);
    const bool  huge = !strcmp(move, "huge"), announced = !strcmp(move, "announced");
    const char *type = strcmp(move, "type") && strcmp(move, "html") ? "application/json" : "text/plain";
    int         status = 200;
    const char *extra = "", *text = body;

    if (!strcmp(move, "html")) text = "<html>sign in first</html>";
    if (!strcmp(move, "error200")) text = "{\"error\":{\"code\":429,\"message\":\"SECRET\"}}";
    if (!strcmp(move, "filter400")) text = "{\"error\":{\"code\":\"content_filter\"}}", status = 400;
    if (!strcmp(move, "redirect")) text = "", status = 307, extra = "Location: http://192.0.2.1/v1\r\n";
    length = strlen(text);
    if (huge || announced) length = (size_t)1 << 40;
    if (!strcmp(move, "truncated")) length += 100, c->hang_up = true;
    write_head(head, sizeof head, status, type, length, extra);
    if (!strcmp(move, "garbage")) say(c, "SSH-2.0-OpenSSH\r\n", ""), c->hang_up = true;
    else say(c, head, text);
    c->endless = huge;
    c->drip = !strcmp(move, "drip");
    free(body);
}

/* The last message's content. */
static char *question_of(const char *body)
{
    json_t       *root = json_loads(body, 0, NULL);
    const json_t *list = json_object_get(root, "messages");
    const size_t  n = json_array_size(list);
    const char   *text = n ? json_string_value(json_object_get(json_array_get(list, n - 1), "content")) : NULL;
    char         *copy = text ? strdup(text) : NULL;

    json_decref(root);
    return copy;
}

static void begin(stub *s, connection *c, const char *body)
{
    char   move[MOVE], *at, *question = question_of(body);
    size_t busy = 0;

    pthread_mutex_lock(&s->lock);
    choose(s, move, question);
    c->busy = true;
    for (size_t i = 0; i < s->n; i++) busy += s->list[i].busy;
    if (busy > s->most) s->most = busy;
    free(s->last);
    s->last = strdup(c->in);
    pthread_mutex_unlock(&s->lock);
    c->due = now_s();
    if ((at = strchr(move, '@'))) {
        c->due += atof(at + 1) / 1000;
        *at = 0;
    }
    if (!strcmp(move, "silent")) c->silent = true;
    else if (!strcmp(move, "close")) say(c, "", ""), c->hang_up = true;
    else if (atoi(move)) say_status(c, move);
    else answer(s, c, move, question);
    free(question);
}

/* ---- Connections ---- */

static void drop(stub *s, size_t i)
{
    close(s->list[i].fd);
    free(s->list[i].in);
    free(s->list[i].out);
    s->list[i] = s->list[--s->n];
}

/* A whole request begins to be answered. */
static void look(stub *s, connection *c)
{
    const char *body = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "content-length:");
    const size_t want = length ? (size_t)atol(length + 15) : 0;

    if (body && strlen(body + 4) >= want) begin(s, c, body + 4);
}

static bool take_in(stub *s, connection *c)
{
    if (!c->in && !(c->in = calloc(1, REQUEST_BYTES))) die("calloc");
    const ssize_t got = read(c->fd, c->in + c->in_size, REQUEST_BYTES - 1 - c->in_size);
    if (got <= 0) return false;
    c->in_size += (size_t)got;
    c->in[c->in_size] = 0;
    if (!c->busy) look(s, c);
    return true;
}

/* False: the connection ends. */
static bool give_out(connection *c)
{
    static const char blanks[1024] = { 0 };
    const size_t      left = c->out_size - c->written, part = c->drip && left ? 1 : left;
    const bool        over = part == 0 && c->endless;
    const char       *from = over ? blanks : c->out + c->written;
    const ssize_t     sent = send(c->fd, from, over ? sizeof blanks : part, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0) return errno == EAGAIN;
    if (!over) c->written += (size_t)sent;
    if (c->drip) c->due = now_s() + 0.02;
    if (c->written < c->out_size || c->endless) return true;
    if (c->hang_up) return false;
    free(c->out);
    *c = (connection){ .fd = c->fd, .in = c->in }; /* at once: the next request may be on its way */
    return true;
}

static void let_in(stub *s)
{
    const int fd = accept(s->listener, NULL, NULL);

    if (fd < 0) return;
    if (s->n == CONNECTIONS) close(fd);
    else s->list[s->n++] = (connection){ .fd = fd };
}

static void *serve(void *data)
{
    stub         *s = data;
    struct pollfd p[CONNECTIONS + 2];

    for (;;) {
        const size_t n = s->n;
        p[0] = (struct pollfd){ .fd = s->wake[0], .events = POLLIN };
        p[1] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
        for (size_t i = 0; i < n; i++) {
            const connection *c = &s->list[i];
            const bool        write_now = c->busy && !c->silent && c->due <= now_s();
            p[i + 2] = (struct pollfd){ .fd = c->fd, .events = (short)(POLLIN | (write_now ? POLLOUT : 0)) };
        }
        poll(p, n + 2, 5);
        if (p[0].revents) return NULL;
        for (size_t i = n; i-- > 0;) {
            bool stays = true;
            if (p[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) stays = take_in(s, &s->list[i]);
            else if (p[i + 2].revents & POLLOUT) stays = give_out(&s->list[i]);
            if (!stays) drop(s, i);
        }
        if (p[1].revents) let_in(s);
    }
}

/* ---- Start and stop ---- */

stub *stub_start(const char *moves, const char *say_text)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          size = sizeof a;
    stub              *s = calloc(1, sizeof *s);

    if (!s || pipe(s->wake)) die("stub");
    s->moves = strdup(moves);
    s->say = say_text ? strdup(say_text) : NULL;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&a, sizeof a)) die("stub");
    if (listen(s->listener, CONNECTIONS)) die("stub");
    if (getsockname(s->listener, (struct sockaddr *)&a, &size)) die("stub");
    s->port = ntohs(a.sin_port);
    pthread_mutex_init(&s->lock, NULL);
    if (pthread_create(&s->thread, NULL, serve, s)) die("stub");
    return s;
}

void stub_stop(stub *s)
{
    if (write(s->wake[1], "x", 1) != 1) die("stub");
    pthread_join(s->thread, NULL);
    while (s->n) drop(s, s->n - 1);
    close(s->listener);
    close(s->wake[0]);
    close(s->wake[1]);
    for (size_t i = 0; i < s->n_known; i++) free(s->known[i].question);
    free(s->moves);
    free(s->say);
    free(s->last);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int stub_port(const stub *s) { return s->port; }

const char *stub_url(const stub *s)
{
    static char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%d", s->port);
    return url;
}

size_t stub_requests(stub *s)
{
    pthread_mutex_lock(&s->lock);
    const size_t n = s->requests;
    pthread_mutex_unlock(&s->lock);
    return n;
}

size_t stub_most(stub *s)
{
    pthread_mutex_lock(&s->lock);
    const size_t n = s->most;
    pthread_mutex_unlock(&s->lock);
    return n;
}

const char *stub_last(stub *s)
{
    pthread_mutex_lock(&s->lock);
    const char *last = s->last ? s->last : "";
    pthread_mutex_unlock(&s->lock);
    return last;
}
