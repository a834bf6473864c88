/* HTTP: a small client over libcurl for JSON services, several requests in flight.
 *
 * Certificates and host names are always verified. Redirects are not followed: a reply that asks for one is
 * an answer with its status. A reply is kept whole up to a limit. What went wrong is told in kinds, because the caller
 * decides by them whether asking again makes sense. A client belongs to one thread at a time; connections
 * are kept and used again. Neither bodies nor headers ever get into an error text. */
#ifndef THX_NET_HTTP_H
#define THX_NET_HTTP_H

#include "base/progress.h"
#include "base/string.h"

struct sockaddr;

/* ---- Addresses ---- */

enum { THX_URL_TEXT = 512 };

/* Where a host is, as far as its name or number tells. */
typedef enum thx_reach {
    THX_REACH_LOOPBACK, /* localhost, 127.0.0.0/8, ::1                                                        */
    THX_REACH_PRIVATE,  /* private and link-local numbers; names without a point, or below local, localdomain,
                           internal, lan, home.arpa, intranet                                                 */
    THX_REACH_PUBLIC    /* everything else                                                                    */
} thx_reach;

typedef struct thx_url {
    bool      secure;              /* https                                                     */
    thx_reach reach;
    char      host[256];
    char      shown[THX_URL_TEXT]; /* the address without user, password and values of its query: for people, results,
                                      keys of kept answers                                      */
} thx_url;

/* Looks at an address of a service. THORAX_USAGE: not http or https, no host, too long; the text holds no part of it
 * that may be secret. THORAX_NOMEM. */
thorax_status thx_url_read(thx_url *out, const char *url, thorax_error *err);

/* Where a number is; other kinds than IPv4 and IPv6 are PUBLIC. */
thx_reach thx_address_reach(const struct sockaddr *address);

/* ---- Requests ---- */

#define THX_HTTP_LIST(X)                                             \
    X(OK,        "answered")                                         \
    X(REFUSED,   "the connection was refused")                       \
    X(DNS,       "no such host")                                     \
    X(TLS,       "the certificate or the secure connection failed")  \
    X(TIMEOUT,   "no answer in time")                                \
    X(STATUS,    "the service answered with an error")               \
    X(TOO_LARGE, "the answer is too large")                          \
    X(BODY,      "the answer is broken or cut short")                \
    X(LOST,      "the connection was lost")                          \
    X(PUBLIC,    "the name leads to a public address")               \
    X(CANCELLED, "stopped")

typedef enum thx_http_end {
#define THX_HTTP_ENUM(name, text) THX_HTTP_##name,
    THX_HTTP_LIST(THX_HTTP_ENUM)
#undef THX_HTTP_ENUM
} thx_http_end;

const char *thx_http_end_text(thx_http_end end);

typedef struct thx_http_options {
    double      connect_s;  /* until the connection stands                                                    */
    double      idle_s;     /* without a byte in either direction; waiting for the answer counts              */
    double      total_s;    /* a request with everything                                                      */
    size_t      max_bytes;  /* of an answer's body                                                            */
    const char *ca_file;    /* certificates to trust instead of the system's; NULL = those (copied)           */
    bool        local_only; /* connects to loopback and private addresses alone, and through no proxy, whatever a name
                               leads to; otherwise a proxy is taken from the environment as libcurl does      */
} thx_http_options;
thx_http_options thx_http_options_default(void); /* 10 s, 300 s, 600 s, 8 MiB */

/* A POST of JSON. All of it is borrowed for the call of `start` alone. */
typedef struct thx_http_request {
    const char        *url;
    const char *const *headers; /* "Name: value" besides the kinds of content and answer; never logged */
    size_t             n_headers;
    const char        *body;    /* JSON */
    size_t             size;
} thx_http_request;

typedef struct thx_http_reply {
    thx_http_end end;
    long         status;        /* 0 where none came                                          */
    double       retry_after_s; /* what the service asks for; < 0: nothing                    */
    bool         reached;       /* the request may have been worked on: it was sent           */
    thx_string   body;          /* whatever the status; empty where end is none of OK, STATUS */
} thx_http_reply;
void thx_http_reply_deinit(thx_http_reply *r);

typedef struct thx_http thx_http;

/* THORAX_NOMEM; THORAX_IO: ca_file cannot be read. `options` NULL = defaults. */
thorax_status thx_http_open(thx_http **out, const thx_http_options *options, thorax_error *err);
void          thx_http_close(thx_http *h); /* what is in flight is dropped */

/* Sends a request; `tag` names it when it ends. THORAX_NOMEM; THORAX_USAGE: a header that is none. */
thorax_status thx_http_start(thx_http *h, const thx_http_request *r, size_t tag, thorax_error *err);
size_t        thx_http_in_flight(const thx_http *h);

/* Moves what is in flight, for at most `wait_s` seconds; true when a request ended (*tag, *reply: to be deinited). */
bool thx_http_wait(thx_http *h, double wait_s, size_t *tag, thx_http_reply *reply);

/* Drops what is in flight; its tags never come back. */
void thx_http_stop(thx_http *h);

/* One request alone. `progress` is asked every 50 ms; a stop ends the request (CANCELLED). Statuses as `start`. */
thorax_status thx_http_post(thx_http_reply *out, thx_http *h, const thx_http_request *r, const thx_progress *progress,
                            thorax_error *err);

/* Seconds from a Retry-After header, a number or a date, at time `now` (Unix seconds); < 0: neither. A date in the past
 * is 0. */
double thx_http_retry_after(const char *value, size_t size, double now);

#endif
