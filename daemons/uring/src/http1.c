#include "http1.h"

#include "http1_reader.h"
#include "pool.h"

#include <stdlib.h>

// How long the pool keeps a connection between two requests.
#define IDLE_TIME (30 * SECOND)

struct http1 {
    struct transport *transport;
    struct http1_reader reader;
    struct request *request; // NULL when idle
    bool used, closed;
    struct timer idle;
};

static const struct config *config;

void http1_setup(const struct config *c) {
    config = c;
}

void http1_close(struct http1 *h) {
    if (h->closed)
        return;
    h->closed = true;
    timer_stop(&h->idle);
    transport_close(h->transport);
    http1_reader_free(&h->reader);
    ring_free(h);
}

// Closes an idle connection.
static void retire(struct http1 *h) {
    pool_lost_http1(h);
    http1_close(h);
}

static void idle_for_long(struct timer *timer) {
    retire(CONTAINER(timer, struct http1, idle));
}

// Ends the request. Then closes the connection, or returns it to the pool.
static void complete(struct http1 *h, bool reusable) {
    struct request *r = h->request;
    h->request = NULL;
    if (reusable && transport_is_sent(h->transport)) {
        transport_pause(h->transport);
        transport_watch(h->transport);
        http1_reader_free(&h->reader);
        h->reader = (struct http1_reader){0};
        timer_set(&h->idle, ring_now() + IDLE_TIME);
        // Report the end of this request before the pool can assign another one.
        request_complete(r);
        pool_idle_http1(h);
    } else {
        http1_close(h);
        request_complete(r);
    }
}

static void broken(struct http1 *h, const char *reason, bool lost) {
    struct request *r = h->request;
    // A server may close an idle connection at the moment the daemon sends a request.
    bool unprocessed = r->reused && lost && h->transport->received == r->received_before;
    http1_close(h);
    request_broken(r, reason, unprocessed);
}

static void read_on(struct http1 *h, struct text input) {
    while (h->request != NULL && !h->closed) {
        struct text body;
        switch (http1_read(&h->reader, &input, &body)) {
        case HTTP1_MORE:
            return;
        case HTTP1_HEAD:
            request_headed(h->request, &h->reader.head);
            break;
        case HTTP1_BODY:
            request_bytes(h->request, body);
            break;
        case HTTP1_COMPLETE:
            complete(h, http1_reusable(&h->reader) && input.length == 0);
            return;
        case HTTP1_BROKEN:
            broken(h, "malformed HTTP/1.1 response", false);
            return;
        }
    }
}

static void bytes(void *owner, struct text input) {
    struct http1 *h = owner;
    if (h->request == NULL)
        retire(h); // bytes without a request
    else
        read_on(h, input);
}

static void ended(void *owner, struct failure failure) {
    struct http1 *h = owner;
    if (h->request == NULL)
        retire(h);
    else if (failure.clean && http1_end(&h->reader) == HTTP1_COMPLETE)
        complete(h, false);
    else
        broken(h, failure.reason, true);
}

static void readable(void *owner) {
    struct http1 *h = owner;
    if (h->request != NULL)
        return;
    if (http1_is_quiet(h))
        transport_watch(h->transport); // the event was about the latest response
    else
        retire(h);
}

static const struct transport_events events = {
    .bytes = bytes, .ended = ended, .readable = readable};

struct http1 *http1_open(struct transport *t) {
    struct http1 *h = allocate(sizeof *h);
    *h = (struct http1){.transport = t, .idle.passed = idle_for_long};
    t->events = &events;
    t->owner = h;
    transport_pause(t);
    return h;
}

bool http1_is_quiet(const struct http1 *h) {
    return transport_is_quiet(h->transport);
}

// For a request

static void cancel(struct request *r) {
    struct http1 *h = r->connection;
    h->request = NULL;
    http1_close(h); // the only way to cancel an HTTP/1.1 request
}

static void pause_reading(struct request *r) {
    struct http1 *h = r->connection;
    transport_pause(h->transport);
}

static void resume_reading(struct request *r) {
    struct http1 *h = r->connection;
    transport_resume(h->transport);
}

static const struct carrier carrier = {cancel, pause_reading, resume_reading};

static void write_head(struct buffer *b, const struct job *job) {
    buffer_print(b,
                 "POST %s HTTP/1.1\r\n"
                 "Host: %s\r\n"
                 "User-Agent: " USER_AGENT "\r\n"
                 "Content-Type: application/json\r\n"
                 "Accept: text/event-stream\r\n"
                 "Accept-Encoding: identity\r\n"
                 "Content-Length: %zu\r\n",
                 config->path, config->authority, job->body.length);
    if (config->api_key[0] != '\0')
        buffer_print(b, "Authorization: Bearer %s\r\n", config->api_key);
    if (job->pattern.length > 0)
        buffer_print(b, "X-Test-Pattern: %.*s\r\n", (int)job->pattern.length, job->pattern.bytes);
    if (job->id.length > 0)
        buffer_print(b, "X-Request-Id: %.*s\r\n", (int)job->id.length, job->id.bytes);
    buffer_add_text(b, TEXT("\r\n"));
}

void http1_carry(struct http1 *h, struct request *r) {
    timer_stop(&h->idle);
    h->request = r;
    r->received_before = h->transport->received;
    r->reused = h->used;
    h->used = true;
    request_carried(r, &carrier, h);
    r->body_sent = r->job->body.length; // the transport has its own copy
    struct buffer b = {0};
    write_head(&b, r->job);
    buffer_add_text(&b, buffer_text(&r->job->body));
    transport_send(h->transport, buffer_text(&b));
    buffer_free(&b);
    transport_resume(h->transport);
}
