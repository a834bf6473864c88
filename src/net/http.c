/* The client; see http.h. Each request is a transfer of one curl_multi, which keeps the connections. */
#include "net/http.h"
#include "base/file.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#define SLICE_S 0.05 /* how long the client sleeps at most before it looks around */

typedef struct transfer {
    thx_http          *owner;
    CURL              *easy;
    struct curl_slist *headers;
    size_t             tag;
    thx_http_reply     reply;
    char              *sent;            /* the body of the request                         */
    curl_off_t         bytes;           /* moved so far, in both directions                */
    double             moved;           /* when a byte moved last                          */
    bool               public_address;  /* a connection was not made because of where it leads */
    struct transfer   *next;
} transfer;

struct thx_http {
    thx_http_options options;
    char            *ca_file;
    CURLM           *multi;
    transfer        *list;
    size_t           in_flight;
};

const char *thx_http_end_text(thx_http_end end)
{
    static const char *const texts[] = {
#define THX_HTTP_TEXT(name, text) text,
        THX_HTTP_LIST(THX_HTTP_TEXT)
#undef THX_HTTP_TEXT
    };
    return texts[end];
}

thx_http_options thx_http_options_default(void)
{
    return (thx_http_options){ .connect_s = 10, .idle_s = 300, .total_s = 600, .max_bytes = (size_t)8 << 20 };
}

void thx_http_reply_deinit(thx_http_reply *r)
{
    thx_string_deinit(&r->body);
    *r = (thx_http_reply){ 0 };
}

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Opening ---- */

static void init_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

thorax_status thx_http_open(thx_http **out, const thx_http_options *options, thorax_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    thx_http             *h = calloc(1, sizeof *h);
    thorax_status         st = THORAX_OK;

    *out = NULL;
    pthread_once(&once, init_curl);
    if (!h) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    h->options = options ? *options : thx_http_options_default();
    h->multi = curl_multi_init();
    if (h->options.ca_file) {
        h->ca_file = strdup(h->options.ca_file);
        if (access(h->options.ca_file, R_OK))
            st = thx_fail(err, THORAX_IO, 0, "%s: the file of certificates cannot be read", h->options.ca_file);
    }
    if (!st && (!h->multi || (h->options.ca_file && !h->ca_file))) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (st) thx_http_close(h);
    else *out = h;
    return st;
}

static void transfer_free(transfer *t)
{
    if (!t) return;
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    thx_http_reply_deinit(&t->reply);
    free(t->sent);
    free(t);
}

/* Takes a transfer out of the list and off the connections. */
static void take_out(thx_http *h, transfer *t)
{
    transfer **at = &h->list;

    while (*at != t) at = &(*at)->next;
    *at = t->next;
    h->in_flight--;
    curl_multi_remove_handle(h->multi, t->easy);
}

void thx_http_stop(thx_http *h)
{
    while (h->list) {
        transfer *t = h->list;
        take_out(h, t);
        transfer_free(t);
    }
}

void thx_http_close(thx_http *h)
{
    if (!h) return;
    thx_http_stop(h);
    curl_multi_cleanup(h->multi);
    free(h->ca_file);
    free(h);
}

size_t thx_http_in_flight(const thx_http *h) { return h->in_flight; }

/* ---- What libcurl hands us ---- */

static size_t on_body(char *data, size_t one, size_t n, void *user)
{
    transfer    *t = user;
    const size_t most = t->owner->options.max_bytes, size = one * n;

    if (size > most - t->reply.body.size) {
        t->reply.end = THX_HTTP_TOO_LARGE;
        return 0;
    }
    thx_string_add(&t->reply.body, data, size);
    return t->reply.body.failed ? 0 : size;
}

static size_t on_header(char *data, size_t one, size_t n, void *user)
{
    static const char name[] = "retry-after:";
    const size_t      size = one * n, head = sizeof name - 1;
    transfer         *t = user;

    if (size >= 5 && !memcmp(data, "HTTP/", 5)) t->reply.retry_after_s = -1;
    else if (size > head && !strncasecmp(data, name, head))
        t->reply.retry_after_s = thx_http_retry_after(data + head, size - head, seconds(CLOCK_REALTIME));
    return size;
}

static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    transfer *t = user;

    (void)purpose;
    if (t->owner->options.local_only && thx_address_reach(&a->addr) == THX_REACH_PUBLIC) {
        t->public_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- Starting ---- */

static bool add_header(transfer *t, const char *line)
{
    struct curl_slist *grown = curl_slist_append(t->headers, line);

    if (grown) t->headers = grown;
    return grown != NULL;
}

static long ms(double s) { return s >= 1e6 ? 1000000000L : s > 0.001 ? lrint(s * 1000) : 1; }

static bool set_limits(transfer *t, const thx_http_options *o)
{
    CURL *e = t->easy;
    bool  ok = true;

    ok &= !curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, ms(o->connect_s));
    ok &= !curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ms(o->total_s));
    ok &= !curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    ok &= !curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    ok &= !curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    ok &= !curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_bytes);
    if (t->owner->ca_file) ok &= !curl_easy_setopt(e, CURLOPT_CAINFO, t->owner->ca_file);
    if (o->local_only) ok &= !curl_easy_setopt(e, CURLOPT_PROXY, "");
#if LIBCURL_VERSION_NUM >= 0x075500
    ok &= !curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    ok &= !curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    ok &= !curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a stop does not wait for the resolver */
#endif
    return ok;
}

static bool set_request(transfer *t, const thx_http_request *r)
{
    CURL *e = t->easy;
    bool  ok = true;

    ok &= !curl_easy_setopt(e, CURLOPT_URL, r->url);
    ok &= !curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    ok &= !curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    ok &= !curl_easy_setopt(e, CURLOPT_USERAGENT, "thorax/" THX_VERSION);
    ok &= !curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
    ok &= !curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->size);
    ok &= !curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->sent);
    ok &= !curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    ok &= !curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    ok &= !curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    ok &= !curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    ok &= !curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    ok &= !curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    return ok;
}

static bool is_header(const char *line)
{
    const size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    return name && line[name] == ':' && !strpbrk(line, "\r\n");
}

static transfer *transfer_make(thx_http *h, const thx_http_request *r, size_t tag)
{
    transfer *t = calloc(1, sizeof *t);
    bool      ok = t != NULL;

    if (!ok) return NULL;
    t->owner = h;
    t->tag = tag;
    t->reply.retry_after_s = -1;
    t->easy = curl_easy_init();
    t->sent = malloc(r->size + 1);
    ok = t->easy && t->sent;
    if (ok) memcpy(t->sent, r->body, r->size);
    ok = ok && add_header(t, "Content-Type: application/json") && add_header(t, "Accept: application/json") &&
         add_header(t, "Expect:"); /* no round trip before the body */
    for (size_t i = 0; ok && i < r->n_headers; i++) ok = add_header(t, r->headers[i]);
    if (ok && set_request(t, r) && set_limits(t, &h->options)) return t;
    transfer_free(t);
    return NULL;
}

thorax_status thx_http_start(thx_http *h, const thx_http_request *r, size_t tag, thorax_error *err)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (!is_header(r->headers[i])) return thx_fail(err, THORAX_USAGE, 0, "a header's form is not allowed");
    transfer *t = transfer_make(h, r, tag);
    if (!t || curl_multi_add_handle(h->multi, t->easy)) {
        transfer_free(t);
        return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    }
    t->moved = seconds(CLOCK_MONOTONIC);
    t->next = h->list;
    h->list = t;
    h->in_flight++;
    return THORAX_OK;
}

/* ---- Ending ---- */

static thx_http_end end_of(const transfer *t, CURLcode code)
{
    if (t->reply.end == THX_HTTP_TOO_LARGE) return THX_HTTP_TOO_LARGE;
    switch (code) {
    case CURLE_OK: return t->reply.status / 100 == 2 ? THX_HTTP_OK : THX_HTTP_STATUS;
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_RESOLVE_PROXY: return THX_HTTP_DNS;
    case CURLE_COULDNT_CONNECT: return t->public_address ? THX_HTTP_PUBLIC : THX_HTTP_REFUSED;
    case CURLE_OPERATION_TIMEDOUT: return THX_HTTP_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR: case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER: case CURLE_SSL_CACERT_BADFILE: case CURLE_SSL_ISSUER_ERROR: case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_USE_SSL_FAILED: case CURLE_SSL_INVALIDCERTSTATUS: return THX_HTTP_TLS;
    case CURLE_FILESIZE_EXCEEDED: return THX_HTTP_TOO_LARGE;
    case CURLE_PARTIAL_FILE: case CURLE_WEIRD_SERVER_REPLY: case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_UNSUPPORTED_PROTOCOL: return THX_HTTP_BODY;
    default: return THX_HTTP_LOST;
    }
}

static void finish(thx_http *h, transfer *t, thx_http_end end, size_t *tag, thx_http_reply *reply)
{
    curl_off_t ready = 0;

    curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    t->reply.end = end;
    t->reply.reached = ready > 0;
    if (end != THX_HTTP_OK && end != THX_HTTP_STATUS) thx_string_deinit(&t->reply.body);
    *tag = t->tag;
    *reply = t->reply;
    t->reply = (thx_http_reply){ 0 };
    take_out(h, t);
    transfer_free(t);
}

/* A transfer that libcurl has done with. */
static bool take_done(thx_http *h, size_t *tag, thx_http_reply *reply)
{
    CURLMsg *m;
    int      left;
    char    *user;

    while ((m = curl_multi_info_read(h->multi, &left))) {
        if (m->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &user);
        transfer *t = (transfer *)(void *)user;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->reply.status);
        finish(h, t, end_of(t, m->data.result), tag, reply);
        return true;
    }
    return false;
}

/* A transfer on which nothing moved for too long. */
static bool take_idle(thx_http *h, size_t *tag, thx_http_reply *reply)
{
    const double now = seconds(CLOCK_MONOTONIC);

    for (transfer *t = h->list; t; t = t->next) {
        curl_off_t up = 0, down = 0;
        long       head = 0;
        curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
        curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
        curl_easy_getinfo(t->easy, CURLINFO_HEADER_SIZE, &head);
        if (up + down + head != t->bytes) {
            t->bytes = up + down + head;
            t->moved = now;
        }
        if (now - t->moved <= h->options.idle_s) continue;
        finish(h, t, THX_HTTP_TIMEOUT, tag, reply);
        return true;
    }
    return false;
}

bool thx_http_wait(thx_http *h, double wait_s, size_t *tag, thx_http_reply *reply)
{
    const double until = seconds(CLOCK_MONOTONIC) + wait_s;
    int          running;

    for (;;) {
        curl_multi_perform(h->multi, &running);
        if (take_done(h, tag, reply) || take_idle(h, tag, reply)) return true;
        const double left = until - seconds(CLOCK_MONOTONIC);
        if (left <= 0) return false;
        curl_multi_poll(h->multi, NULL, 0, (int)ms(left < SLICE_S ? left : SLICE_S), NULL);
    }
}

thorax_status thx_http_post(thx_http_reply *out, thx_http *h, const thx_http_request *r, const thx_progress *progress,
                            thorax_error *err)
{
    size_t tag;

    *out = (thx_http_reply){ .end = THX_HTTP_CANCELLED, .retry_after_s = -1 };
    const thorax_status st = thx_http_start(h, r, 0, err);
    if (st) return st;
    while (thx_progress_step(progress, "request", 0, 1))
        if (thx_http_wait(h, SLICE_S, &tag, out)) return THORAX_OK;
    thx_http_stop(h);
    return THORAX_OK;
}
