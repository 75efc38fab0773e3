// HTTP/2 to the API: many streams on one connection, by nghttp2 without any I/O.
//
// Two windows: a stream's is small, so that a client who stalls costs no more than that, and
// is opened again as its client reads (U6). The connection's is opened again at once, so that
// one who stalls takes no room from the others.

#ifndef HTTP2_H
#define HTTP2_H

#include "request.h"

struct http2;

void http2_setup(const struct config *c);
// Takes over a transport that is ready. The pool is told when it has been greeted: when the
// API's SETTINGS have come, its limit on streams is known.
struct http2 *http2_open(struct transport *t);
bool http2_has_room(const struct http2 *h);
// How many streams it has places for.
size_t http2_places(const struct http2 *h);
void http2_carry(struct http2 *h, struct request *r);
// For one without streams.
void http2_close(struct http2 *h);

#endif
