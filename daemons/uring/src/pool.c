#include "pool.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

// The most idle HTTP/1.1 connections. After a burst, each exchange leaves one connection.
enum { IDLE_LIMIT = 8 };

// The expected stream limit of an HTTP/2 connection, until the API's SETTINGS name one.
enum { USUAL_STREAMS = 100 };

// An attempt to connect.
struct dial {
    struct transport *transport; // belongs to http2, unless that is NULL
    struct http2 *http2;
    struct timer timeout;
    TAILQ_ENTRY(dial) others;
};

TAILQ_HEAD(dials_head, dial);

static const struct config *config;
static struct requests waiting = TAILQ_HEAD_INITIALIZER(waiting);
static size_t waiting_count;
static struct dials_head dials = TAILQ_HEAD_INITIALIZER(dials);
static size_t dial_count;
static struct http1 *idle[IDLE_LIMIT]; // in the order of use, the latest last
static size_t idle_count;
static struct http2 **shared;
static size_t shared_count;
static size_t stream_limit = USUAL_STREAMS;
static bool single; // a connection carries one request at a time

void pool_setup(const struct config *c) {
    config = c;
    single = !c->tls || !c->http2 || c->api_socket != NULL;
}

static void remove_waiting(struct request *r) {
    TAILQ_REMOVE(&waiting, r, waiting);
    waiting_count--;
}

// Existing connections

static struct http1 *take_idle(void) {
    while (idle_count > 0) {
        struct http1 *h = idle[--idle_count];
        if (http1_is_quiet(h))
            return h;
        http1_close(h);
    }
    return NULL;
}

static bool carry(struct request *r) {
    for (size_t i = 0; i < shared_count; i++) {
        if (http2_has_room(shared[i])) {
            http2_carry(shared[i], r);
            return true;
        }
    }
    struct http1 *h = take_idle();
    if (h != NULL)
        http1_carry(h, r);
    return h != NULL;
}

// Dials

static const struct transport_events dial_events;

static void dial_timed_out(struct timer *timer);

static void dial(void) {
    struct dial *d = allocate(sizeof *d);
    d->timeout.passed = dial_timed_out;
    timer_set(&d->timeout, ring_now() + config->connect_timeout);
    TAILQ_INSERT_TAIL(&dials, d, others);
    dial_count++;
    d->transport = transport_open(config, &dial_events, d);
}

// Ends the attempt, but not its connection.
static void end_dial(struct dial *d) {
    TAILQ_REMOVE(&dials, d, others);
    dial_count--;
    timer_stop(&d->timeout);
    ring_free(d);
}

static void hang_up(struct dial *d) {
    if (d->http2 != NULL)
        http2_close(d->http2);
    else
        transport_close(d->transport);
    end_dial(d);
}

// Assigns waiting requests to connections, and dials as many connections as are missing.
static void balance(void) {
    struct request *r;
    while ((r = TAILQ_FIRST(&waiting)) != NULL) {
        // Remove it first: carry may call balance again.
        remove_waiting(r);
        if (carry(r))
            continue;
        TAILQ_INSERT_HEAD(&waiting, r, waiting);
        waiting_count++;
        break;
    }
    size_t wanted = single ? waiting_count : (waiting_count + stream_limit - 1) / stream_limit;
    while (dial_count < wanted)
        dial();
    while (single && dial_count > wanted)
        hang_up(TAILQ_LAST(&dials, dials_head));
}

// Fails the longest waiting request, or, for a connection to share, all waiting requests.
static void dial_failed(struct dial *d, struct failure failure) {
    hang_up(d);
    struct requests failing = TAILQ_HEAD_INITIALIZER(failing);
    do {
        struct request *r = TAILQ_FIRST(&waiting);
        if (r == NULL)
            break;
        remove_waiting(r);
        TAILQ_INSERT_TAIL(&failing, r, waiting);
        r->state = REQUEST_SENT; // it is not in the queue any more
    } while (!single);
    struct request *r;
    while ((r = TAILQ_FIRST(&failing)) != NULL) {
        TAILQ_REMOVE(&failing, r, waiting);
        request_unreachable(r, failure);
    }
    balance();
}

static void dial_timed_out(struct timer *timer) {
    dial_failed(CONTAINER(timer, struct dial, timeout), (struct failure){.timed_out = true});
}

static void dial_ended(void *owner, struct failure failure) {
    dial_failed(owner, failure);
}

static void dial_ready(void *owner) {
    struct dial *d = owner;
    if (transport_is_http2(d->transport)) {
        d->http2 = http2_open(d->transport);
        return;
    }
    single = true;
    struct http1 *h = http1_open(d->transport);
    end_dial(d);
    pool_idle_http1(h);
}

static const struct transport_events dial_events = {.ready = dial_ready, .ended = dial_ended};

// From requests

void pool_ask(struct request *r) {
    TAILQ_INSERT_TAIL(&waiting, r, waiting);
    waiting_count++;
    balance();
}

void pool_withdraw(struct request *r) {
    remove_waiting(r);
    balance();
}

// From connections

void pool_idle_http1(struct http1 *h) {
    if (idle_count == IDLE_LIMIT) {
        http1_close(idle[0]);
        memmove(idle, idle + 1, --idle_count * sizeof *idle);
    }
    idle[idle_count++] = h;
    balance();
}

void pool_lost_http1(struct http1 *h) {
    for (size_t i = 0; i < idle_count; i++) {
        if (idle[i] == h) {
            memmove(idle + i, idle + i + 1, (--idle_count - i) * sizeof *idle);
            return;
        }
    }
}

static struct dial *dial_of(const struct http2 *h) {
    struct dial *d;
    TAILQ_FOREACH(d, &dials, others) {
        if (d->http2 == h)
            return d;
    }
    return NULL;
}

void pool_ready_http2(struct http2 *h) {
    end_dial(dial_of(h));
    shared = realloc(shared, (shared_count + 1) * sizeof *shared);
    if (shared == NULL)
        abort();
    shared[shared_count++] = h;
    stream_limit = http2_stream_limit(h);
    balance();
}

void pool_changed_http2(struct http2 *h) {
    stream_limit = http2_stream_limit(h);
    balance();
}

void pool_lost_http2(struct http2 *h, struct failure failure) {
    struct dial *d = dial_of(h);
    if (d != NULL) {
        dial_failed(d, failure);
        return;
    }
    for (size_t i = 0; i < shared_count; i++) {
        if (shared[i] == h) {
            memmove(shared + i, shared + i + 1, (--shared_count - i) * sizeof *shared);
            return;
        }
    }
}
