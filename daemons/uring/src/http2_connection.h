// What the two halves of HTTP/2 share: http2.c, which keeps the connection, and
// http2_events.c, which hears from nghttp2 what came on it.

#ifndef HTTP2_CONNECTION_H
#define HTTP2_CONNECTION_H

#include "http2.h"

#include <nghttp2/nghttp2.h>

struct http2 {
    struct transport *transport;
    nghttp2_session *session;
    struct requests requests;
    size_t streams; // that take a place, those of requests that left included
    bool settled;   // SETTINGS have come since the pool was told
    bool greeted, roomy, leaving, used, closed;
    bool busy; // inside nghttp2: what it has to send is sent afterwards
    struct timer beat;
    int64_t used_at;
    uint64_t received_at_beat;
    bool pinged;
};

// For a session whose user data is the struct http2.
nghttp2_session_callbacks *http2_callbacks(void);
// Where nghttp2 takes a request's body from.
ssize_t http2_read_body(nghttp2_session *session, int32_t stream, uint8_t *into, size_t size,
                        uint32_t *flags, nghttp2_data_source *source, void *owner);
// Parts the request from its stream, which may go on without it.
void http2_part(struct http2 *h, struct request *r);

#endif
