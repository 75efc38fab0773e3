#include "http2_connection.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

// How many bytes the API may send ahead on a stream. A stalled client holds at most this much more
// than the exchange's backlog. No model writes 128 KiB in one round trip, so this does not slow a
// stream.
enum { STREAM_WINDOW = 128 << 10 };

// Too large to run out between two WINDOW_UPDATEs.
enum { CONNECTION_WINDOW = 1 << 30 };

// Pings detect a connection that is dead although neither side closed it. The daemon keeps a
// connection without streams for UNUSED_TIME.
#define PING_AFTER (30 * SECOND)
#define PING_TIMEOUT (10 * SECOND)
#define UNUSED_TIME (90 * SECOND)

// The most streams on a connection. No known API allows more, and some name no limit.
enum { MOST_STREAMS = 1000 };

static const struct config *config;
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

void http2_close(struct http2 *h) {
    if (h->closed)
        return;
    h->closed = true;
    timer_stop(&h->ping);
    transport_close(h->transport);
    nghttp2_session_del(h->session);
    ring_free(h);
}

// Closes the connection and fails all its streams.
static void lose(struct http2 *h, struct failure failure) {
    if (h->closed)
        return;
    uint64_t received = h->transport->received;
    http2_close(h);
    pool_lost_http2(h, failure);
    struct request *r;
    while ((r = TAILQ_FIRST(&h->requests)) != NULL) {
        TAILQ_REMOVE(&h->requests, r, waiting);
        // A server may close an idle connection at the moment the daemon sends a request.
        bool unprocessed = r->reused && !h->leaving && received == r->received_before;
        request_broken(r, failure.reason, unprocessed);
    }
}

// Sends the frames that nghttp2 has queued, and reports changes to the pool.
static void flush(struct http2 *h) {
    if (h->busy || h->closed)
        return;
    struct buffer out = {0};
    const uint8_t *bytes;
    ssize_t length;
    h->busy = true;
    while ((length = nghttp2_session_mem_send(h->session, &bytes)) > 0)
        buffer_add(&out, bytes, (size_t)length);
    h->busy = false;
    if (out.length > 0)
        transport_send(h->transport, buffer_text(&out));
    buffer_free(&out);
    if (length < 0) {
        lose(h, (struct failure){.reason = nghttp2_strerror((int)length)});
    } else if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session)) {
        lose(h, (struct failure){.reason = "the HTTP/2 connection has ended"});
    } else if (h->settings_changed && !h->ready) {
        h->ready = true;
        h->settings_changed = h->stream_ended = false;
        pool_ready_http2(h);
    } else if (h->ready && (h->stream_ended || h->settings_changed)) {
        h->settings_changed = h->stream_ended = false;
        pool_changed_http2(h);
    }
}

void http2_setup(const struct config *c) {
    config = c;
    callbacks = http2_callbacks();
    if (nghttp2_option_new(&options) != 0)
        abort();
    nghttp2_option_set_no_auto_window_update(options, 1);
}

// From the transport

static void bytes(void *owner, struct text input) {
    struct http2 *h = owner;
    h->busy = true;
    ssize_t length =
        nghttp2_session_mem_recv(h->session, (const uint8_t *)input.bytes, input.length);
    h->busy = false;
    if (length < 0) {
        flush(h); // sends the GOAWAY, if nghttp2 made one
        lose(h, (struct failure){.reason = nghttp2_strerror((int)length)});
        return;
    }
    flush(h);
}

static void ended(void *owner, struct failure failure) {
    failure.clean = false;
    lose(owner, failure);
}

static const struct transport_events events = {.bytes = bytes, .ended = ended};

static void ping(struct timer *timer) {
    struct http2 *h = CONTAINER(timer, struct http2, ping);
    bool silent = h->transport->received == h->received_at_ping;
    h->received_at_ping = h->transport->received;
    if (silent && h->pinged) {
        lose(h, (struct failure){.reason = "the API did not answer a ping", .timed_out = true});
        return;
    }
    if (h->streams == 0 && ring_now() - h->used_at > UNUSED_TIME) {
        nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
        flush(h);
        return;
    }
    h->pinged = silent;
    if (silent)
        nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
    timer_set(timer, ring_now() + (silent ? PING_TIMEOUT : PING_AFTER));
    flush(h);
}

struct http2 *http2_open(struct transport *t) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };
    struct http2 *h = allocate(sizeof *h);
    *h = (struct http2){.transport = t, .ping.passed = ping, .used_at = ring_now()};
    TAILQ_INIT(&h->requests);
    t->events = &events;
    t->owner = h;
    if (nghttp2_session_client_new2(&h->session, callbacks, h, options) != 0)
        abort();
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    timer_set(&h->ping, ring_now() + PING_AFTER);
    flush(h);
    return h;
}

// For the pool

size_t http2_stream_limit(const struct http2 *h) {
    size_t limit =
        nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return limit < 1 ? 1 : limit < MOST_STREAMS ? limit : MOST_STREAMS;
}

bool http2_has_room(const struct http2 *h) {
    return !h->leaving &&
           h->streams < nghttp2_session_get_remote_settings(
                            h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) &&
           h->streams < MOST_STREAMS && nghttp2_session_check_request_allowed(h->session);
}

// For a request

static void cancel(struct request *r) {
    struct http2 *h = r->connection;
    http2_detach(h, r);
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, r->stream, NGHTTP2_CANCEL);
    flush(h);
}

static void pause_reading(struct request *r) {
    (void)r; // the stream's window stays closed for unconsumed bytes: see got_data
}

static void resume_reading(struct request *r) {
    struct http2 *h = r->connection;
    nghttp2_session_consume_stream(h->session, r->stream, r->unconsumed);
    r->unconsumed = 0;
    flush(h);
}

static const struct carrier carrier = {cancel, pause_reading, resume_reading};

static size_t add_header(nghttp2_nv *headers, size_t count, const char *name, struct text value) {
    headers[count] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value.bytes,
                                  strlen(name), value.length, NGHTTP2_NV_FLAG_NONE};
    return count + 1;
}

static size_t make_headers(const struct job *job, nghttp2_nv *headers, struct buffer *bearer,
                           struct buffer *length) {
    size_t n = 0;
    n = add_header(headers, n, ":method", TEXT("POST"));
    n = add_header(headers, n, ":scheme", TEXT("https"));
    n = add_header(headers, n, ":authority", text_of(config->authority));
    n = add_header(headers, n, ":path", text_of(config->path));
    n = add_header(headers, n, "user-agent", TEXT(USER_AGENT));
    n = add_header(headers, n, "content-type", TEXT("application/json"));
    n = add_header(headers, n, "accept", TEXT("text/event-stream"));
    n = add_header(headers, n, "accept-encoding", TEXT("identity"));
    buffer_print(length, "%zu", job->body.length);
    n = add_header(headers, n, "content-length", buffer_text(length));
    if (config->api_key[0] != '\0') {
        buffer_print(bearer, "Bearer %s", config->api_key);
        n = add_header(headers, n, "authorization", buffer_text(bearer));
    }
    if (job->pattern.length > 0)
        n = add_header(headers, n, "x-test-pattern", buffer_text(&job->pattern));
    if (job->id.length > 0)
        n = add_header(headers, n, "x-request-id", buffer_text(&job->id));
    return n;
}

void http2_carry(struct http2 *h, struct request *r) {
    nghttp2_nv headers[12];
    struct buffer bearer = {0}, length = {0};
    size_t count = make_headers(r->job, headers, &bearer, &length);
    request_carried(r, &carrier, h);
    r->received_before = h->transport->received;
    r->reused = h->used;
    h->used = true;
    h->used_at = ring_now();
    nghttp2_data_provider body = {.read_callback = http2_read_body};
    r->stream = nghttp2_submit_request(h->session, NULL, headers, count, &body, r);
    buffer_free(&bearer);
    buffer_free(&length);
    if (r->stream < 0)
        abort(); // out of memory; http2_has_room has checked for free identifiers
    TAILQ_INSERT_TAIL(&h->requests, r, waiting);
    h->streams++;
    flush(h);
}
