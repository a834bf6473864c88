/* A chat service that misbehaves on demand, for tests: plain sockets on 127.0.0.1, a thread of its own.
 *
 * What it does is a list of moves, one a request; the last one is repeated. A list in the question itself
 * ("MOVES:429,ok;" anywhere in its last message) counts for that question alone, whatever the order of requests.
 *
 *   ok           an answer, with usage (prompt 100, completion 10 tokens)      nousage      one without
 *   bad          an answer whose text is "nonsense"                           cut          cut by the limit of tokens
 *   STATUS       an error with that status: 400, 401, 404, 429, 500 …
 *   STATUS:AFTER and the header Retry-After: AFTER ("date": a date one second ahead)
 *   refusal, filter, empty, filter400       the ways to say nothing            error200     an error object, status 200
 *   broken       JSON that is cut short      html        no JSON at all         type         an answer as text/plain
 *   truncated    fewer bytes than announced  huge        bytes without end      announced    a gigabyte announced
 *   close        hangs up                    silent      says nothing           drip         a byte every 20 ms
 *   garbage      no HTTP                     redirect    to another host
 *
 * "@MS" behind a move: that many milliseconds later. */
#ifndef TESTS_STUB_H
#define TESTS_STUB_H

#include <stddef.h>

typedef struct stub stub;

/* `say` is the text of its answers; NULL: "echo " and the last message. Ends the program where it cannot start. */
stub *stub_start(const char *moves, const char *say);
void  stub_stop(stub *s);
int   stub_port(const stub *s);

/* "http://127.0.0.1:PORT", good until the next call. */
const char *stub_url(const stub *s);

size_t stub_requests(stub *s); /* so far                                            */
size_t stub_most(stub *s);     /* being answered at the same time, at most          */

/* Head and body of the last request; good until the next one. */
const char *stub_last(stub *s);

#endif
