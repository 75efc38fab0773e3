// The state of an HTTP/2 connection. http2.c, which runs the connection, and http2_events.c, which
// handles nghttp2's events, share it.

#ifndef HTTP2_CONNECTION_H
#define HTTP2_CONNECTION_H

#include "http2.h"

#include <nghttp2/nghttp2.h>

struct http2 {
    struct transport *transport;
    nghttp2_session *session;
    struct requests requests;
    size_t streams;        // open streams, with those of cancelled requests
    bool settings_changed; // SETTINGS have arrived since the latest report to the pool
    bool stream_ended;     // a stream has ended since then
    bool ready;            // the pool knows the connection
    bool leaving;          // the connection opens no new streams, as after GOAWAY
    bool used, closed;
    bool busy; // nghttp2 is running; flush must wait
    struct timer ping;
    int64_t used_at;
    uint64_t received_at_ping;
    bool pinged;
};

// Returns the callbacks for a session whose user data is the struct http2.
nghttp2_session_callbacks *http2_callbacks(void);
// Reads a request's body for nghttp2.
ssize_t http2_read_body(nghttp2_session *session, int32_t stream, uint8_t *into, size_t size,
                        uint32_t *flags, nghttp2_data_source *source, void *owner);
// Detaches the request from its stream, which may continue without it.
void http2_detach(struct http2 *h, struct request *r);

#endif
