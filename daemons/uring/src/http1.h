// HTTP/1.1 to the API: one request at a time on a connection, which takes another one only
// when the response was read to its end, as it was framed, with nothing behind it.

#ifndef HTTP1_H
#define HTTP1_H

#include "request.h"

struct http1;

void http1_setup(const struct config *c);
// Takes over a transport that is ready. It is idle then, and the pool's.
struct http1 *http1_open(struct transport *t);
void http1_carry(struct http1 *h, struct request *r);
// Whether it is fit for another request, now.
bool http1_is_quiet(const struct http1 *h);
void http1_close(struct http1 *h);

#endif
