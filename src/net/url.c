/* Addresses of services: what they are, where they lead, what may be shown of them; see http.h. */
#include "net/http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

/* ---- Where a host is ---- */

static thx_reach reach_of_ipv4(const unsigned char a[4])
{
    if (a[0] == 127 || !(a[0] | a[1] | a[2] | a[3])) return THX_REACH_LOOPBACK;
    const bool local = a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
                       (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64); /* RFC 1918, 3927, 6598 */
    return local ? THX_REACH_PRIVATE : THX_REACH_PUBLIC;
}

static thx_reach reach_of_ipv6(const unsigned char a[16])
{
    static const unsigned char zeros[15], mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (!memcmp(a, mapped, sizeof mapped)) return reach_of_ipv4(a + 12);
    if (!memcmp(a, zeros, sizeof zeros) && a[15] <= 1) return THX_REACH_LOOPBACK;
    const bool local = (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80); /* RFC 4193, 4291 */
    return local ? THX_REACH_PRIVATE : THX_REACH_PUBLIC;
}

thx_reach thx_address_reach(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return reach_of_ipv4((const unsigned char *)&in.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        return reach_of_ipv6((const unsigned char *)&in6.sin6_addr);
    }
    return THX_REACH_PUBLIC;
}

static bool below(const char *host, const char *domain)
{
    const size_t n = strlen(host), d = strlen(domain);

    return n > d && host[n - d - 1] == '.' && !strcasecmp(host + n - d, domain);
}

/* `host` without brackets and final point. */
static thx_reach reach_of_host(const char *host)
{
    static const char *const domains[] = { "local", "localdomain", "internal", "lan", "home.arpa", "intranet" };
    unsigned char            number[16];

    if (inet_pton(AF_INET, host, number) == 1) return reach_of_ipv4(number);
    if (inet_pton(AF_INET6, host, number) == 1) return reach_of_ipv6(number);
    if (!strcasecmp(host, "localhost") || below(host, "localhost")) return THX_REACH_LOOPBACK;
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        if (below(host, domains[i])) return THX_REACH_PRIVATE;
    return strchr(host, '.') || strchr(host, ':') ? THX_REACH_PUBLIC : THX_REACH_PRIVATE;
}

/* ---- Reading ---- */

/* A query's values may be keys; a version of an interface is none, and tells answers apart. */
static void show_query(thx_string *out, const char *query)
{
    static const char version[] = "api-version=";

    for (char mark = '?'; *query; mark = '&') {
        const size_t n = strcspn(query, "&"), name = strcspn(query, "=&");
        thx_string_add(out, &mark, 1);
        if (!strncmp(query, version, strlen(version))) thx_string_add(out, query, n);
        else {
            thx_string_add(out, query, name);
            if (name < n) thx_string_puts(out, "=*");
        }
        query += n + (query[n] == '&');
    }
}

/* One part, to be freed by curl_free; NULL where there is none. */
static char *part(CURLU *u, CURLUPart what)
{
    char *text = NULL;

    if (curl_url_get(u, what, &text, 0)) return NULL;
    return text;
}

static bool show(thx_url *out, CURLU *u, const char *scheme, const char *host)
{
    char      *port = part(u, CURLUPART_PORT), *path = part(u, CURLUPART_PATH), *query = part(u, CURLUPART_QUERY);
    thx_string s = { 0 };

    thx_string_printf(&s, "%s://%s%s%s%s", scheme, host, port ? ":" : "", port ? port : "", path ? path : "");
    if (query) show_query(&s, query);
    const bool fits = !s.failed && s.size < sizeof out->shown;
    if (fits) memcpy(out->shown, s.data, s.size + 1);
    thx_string_deinit(&s);
    curl_free(port);
    curl_free(path);
    curl_free(query);
    return fits;
}

/* The host as it is compared: no brackets, no final point. */
static bool plain_host(thx_url *out, const char *host)
{
    const size_t n = strlen(host);
    const bool   brackets = n > 2 && host[0] == '[' && host[n - 1] == ']';
    const size_t from = brackets, size = n - 2 * brackets;

    if (!size || size >= sizeof out->host) return false;
    memcpy(out->host, host + from, size);
    out->host[size] = 0;
    if (out->host[size - 1] == '.') out->host[size - 1] = 0;
    return out->host[0] != 0;
}

thorax_status thx_url_read(thx_url *out, const char *url, thorax_error *err)
{
    CURLU        *u = curl_url();
    thorax_status st = THORAX_OK;

    *out = (thx_url){ 0 };
    if (!u) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    char *scheme = NULL, *host = NULL;
    if (!curl_url_set(u, CURLUPART_URL, url, 0)) {
        scheme = part(u, CURLUPART_SCHEME);
        host = part(u, CURLUPART_HOST);
    }
    out->secure = scheme && !strcmp(scheme, "https");
    if (!scheme || !host || !(out->secure || !strcmp(scheme, "http")) || !plain_host(out, host))
        st = thx_fail(err, THORAX_USAGE, 0, "the service's address: expected http://HOST… or https://HOST…");
    else if (!show(out, u, scheme, host))
        st = thx_fail(err, THORAX_USAGE, 0, "the service's address is longer than %d bytes", THX_URL_TEXT - 1);
    else
        out->reach = reach_of_host(out->host);
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return st;
}

/* ---- Retry-After ---- */

double thx_http_retry_after(const char *value, size_t size, double now)
{
    char   text[64];
    size_t digits = 0;

    while (size && (*value == ' ' || *value == '\t')) value++, size--;
    while (size && isspace((unsigned char)value[size - 1])) size--;
    if (!size || size >= sizeof text) return -1;
    memcpy(text, value, size);
    text[size] = 0;
    while (isdigit((unsigned char)text[digits])) digits++;
    if (digits == size) return digits > 9 ? 1e9 : (double)strtoul(text, NULL, 10);
    const time_t at = curl_getdate(text, NULL);
    if (at < 0) return -1;
    return (double)at > now ? (double)at - now : 0;
}
