// The HTTP/1.1 client for the API. A connection carries one request at a time. It carries another
// one only after the response was read to its end, and no byte follows.

#ifndef HTTP1_H
#define HTTP1_H

#include "request.h"

struct http1;

void http1_setup(const struct config *c);
// Takes ownership of a transport that is ready. The connection is idle, and for the pool.
struct http1 *http1_open(struct transport *t);
void http1_carry(struct http1 *h, struct request *r);
// Reports whether the connection can carry another request now.
bool http1_is_quiet(const struct http1 *h);
void http1_close(struct http1 *h);

#endif
