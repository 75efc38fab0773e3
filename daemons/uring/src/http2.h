// The HTTP/2 client for the API: many streams on one connection, with nghttp2, without I/O.
//
// It has two windows. A stream's window is small, because a stalled client costs that much, and
// widens as the client reads (U6). The connection's window widens at once, so a stalled client
// does not block the others.

#ifndef HTTP2_H
#define HTTP2_H

#include "request.h"

struct http2;

void http2_setup(const struct config *c);
// Takes ownership of a transport that is ready. Calls pool_ready_http2 when the API's SETTINGS,
// with its limit on streams, have arrived.
struct http2 *http2_open(struct transport *t);
// Reports whether the connection can open another stream.
bool http2_has_room(const struct http2 *h);
// Returns how many streams the connection may have.
size_t http2_stream_limit(const struct http2 *h);
void http2_carry(struct http2 *h, struct request *r);
// Closes a connection without streams.
void http2_close(struct http2 *h);

#endif
