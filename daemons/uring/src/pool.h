// The connections to the API, and the requests that wait for one. With HTTP/1.1 every waiting
// request has a connection made for it, and takes whichever is free first; with HTTP/2 as many
// are made as the waiting requests need places.

#ifndef POOL_H
#define POOL_H

#include "http1.h"
#include "http2.h"

void pool_setup(const struct config *c);
// Carries the request now or later, or calls request_unreachable later.
void pool_ask(struct request *r);
// It does not want to wait any more.
void pool_withdraw(struct request *r);

// From the connections: what has become of them.
void pool_idle_http1(struct http1 *h);
void pool_lost_http1(struct http1 *h);
void pool_greeted_http2(struct http2 *h); // it can be used from now on
void pool_roomy_http2(struct http2 *h);   // it may have more places, or others
void pool_lost_http2(struct http2 *h, struct failure failure);

#endif
