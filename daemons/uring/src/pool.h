// The pool of connections to the API, with the queue of requests that wait for one. With HTTP/1.1
// the pool dials a connection for each waiting request, and assigns the first free one. With HTTP/2
// it dials as many connections as the waiting requests need streams.

#ifndef POOL_H
#define POOL_H

#include "http1.h"
#include "http2.h"

void pool_setup(const struct config *c);
// Assigns the request to a connection, now or later, or calls request_unreachable later.
void pool_ask(struct request *r);
// Removes a request from the queue.
void pool_withdraw(struct request *r);

// The connections report their changes with these.
void pool_idle_http1(struct http1 *h);
void pool_lost_http1(struct http1 *h);
void pool_ready_http2(struct http2 *h);   // the connection can carry requests
void pool_changed_http2(struct http2 *h); // the number of its free streams has changed
void pool_lost_http2(struct http2 *h, struct failure failure);

#endif
