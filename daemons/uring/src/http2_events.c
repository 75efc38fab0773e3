#include "http2_connection.h"

#include <stdlib.h>
#include <string.h>

static struct request *request_of(nghttp2_session *session, int32_t stream) {
    return nghttp2_session_get_stream_user_data(session, stream);
}

void http2_detach(struct http2 *h, struct request *r) {
    TAILQ_REMOVE(&h->requests, r, waiting);
    nghttp2_session_set_stream_user_data(h->session, r->stream, NULL);
}

static int began_headers(nghttp2_session *session, const nghttp2_frame *frame, void *owner) {
    (void)owner;
    struct request *r = request_of(session, frame->hd.stream_id);
    if (r != NULL && r->state == REQUEST_SENT)
        r->head = (struct answer_head){0};
    return 0;
}

static int got_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                      size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                      void *owner) {
    (void)flags;
    (void)owner;
    struct request *r = request_of(session, frame->hd.stream_id);
    if (r == NULL || r->state != REQUEST_SENT)
        return 0; // a trailer, or the header of a cancelled request
    struct text n = {(const char *)name, name_length}, v = {(const char *)value, value_length};
    if (text_is(n, ":status")) // nghttp2 has checked that it has three digits
        r->head.status = 100 * (value[0] - '0') + 10 * (value[1] - '0') + value[2] - '0';
    else
        answer_head_note(&r->head, n, v);
    return 0;
}

static void complete(struct http2 *h, struct request *r) {
    http2_detach(h, r);
    if (r->body_sent < r->job->body.length) // an early response: the API does not read the rest
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, r->stream, NGHTTP2_CANCEL);
    request_complete(r);
}

static int got_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner) {
    struct http2 *h = owner;
    if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
        h->settings_changed = true;
    else if (frame->hd.type == NGHTTP2_GOAWAY)
        h->leaving = true;
    struct request *r = request_of(session, frame->hd.stream_id);
    if (r == NULL || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && r->state == REQUEST_SENT && r->head.status >= 200) {
        struct answer_head head = r->head;
        request_headed(r, &head);
        r = request_of(session, frame->hd.stream_id);
    }
    if (r != NULL && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        complete(h, r);
    return 0;
}

static int got_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                    size_t length, void *owner) {
    (void)flags;
    (void)owner;
    struct request *r = request_of(session, stream);
    nghttp2_session_consume_connection(session, length);
    if (r == NULL)
        return 0;
    request_bytes(r, (struct text){(const char *)data, length});
    r = request_of(session, stream);
    if (r != NULL && r->paused)
        r->unconsumed += length;
    else
        nghttp2_session_consume_stream(session, stream, length);
    return 0;
}

static int stream_closed(nghttp2_session *session, int32_t stream, uint32_t code, void *owner) {
    struct http2 *h = owner;
    struct request *r = request_of(session, stream);
    h->streams--;
    h->stream_ended = true;
    if (r == NULL)
        return 0;
    http2_detach(h, r);
    // nghttp2 also closes the streams above a GOAWAY's last id with REFUSED_STREAM.
    request_broken(r, nghttp2_http2_strerror(code), code == NGHTTP2_REFUSED_STREAM);
    return 0;
}

static int frame_unsent(nghttp2_session *session, const nghttp2_frame *frame, int error,
                        void *owner) {
    struct http2 *h = owner;
    struct request *r;
    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    TAILQ_FOREACH(r, &h->requests, waiting) { // the request has no stream yet
        if (r->stream == frame->hd.stream_id)
            break;
    }
    if (r == NULL)
        return 0;
    http2_detach(h, r);
    h->leaving = true; // the connection cannot open more streams
    request_broken(r, nghttp2_strerror(error), true);
    return 0;
}

ssize_t http2_read_body(nghttp2_session *session, int32_t stream, uint8_t *into, size_t size,
                        uint32_t *flags, nghttp2_data_source *source, void *owner) {
    (void)source;
    (void)owner;
    struct request *r = request_of(session, stream);
    if (r == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // the request was cancelled
    const struct buffer *body = &r->job->body;
    size_t left = body->length - r->body_sent;
    if (left <= size) {
        size = left;
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    memcpy(into, body->bytes + r->body_sent, size);
    r->body_sent += size;
    return (ssize_t)size;
}

nghttp2_session_callbacks *http2_callbacks(void) {
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, began_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, got_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, got_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, got_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frame_unsent);
    return callbacks;
}
