// A request is one call of the API, as a state machine. It waits for a connection, waits for the
// head of the response, then reads the stream or the body of an error. At last it waits for the
// API to end the response. It is the layer between an exchange and a connection.

#ifndef REQUEST_H
#define REQUEST_H

#include "answer_head.h"
#include "payload.h"
#include "problem.h"
#include "timer.h"
#include "transport.h"

#include <sys/queue.h>

#define USER_AGENT "streaming-daemon-uring/1.0"

struct request;

// The events for the exchange. After `finished` and `failed` the request is over, and so it is
// after request_cancel. After request_release, `over` reports the end.
struct request_events {
    void (*opened)(struct request *r); // the API's event stream begins
    void (*bytes)(struct request *r, struct text bytes);
    void (*finished)(struct request *r);
    void (*failed)(struct request *r, struct problem problem); // the exchange owns the problem
    void (*over)(struct request *r);
};

// The operations of the connection that carries a request.
struct carrier {
    void (*cancel)(struct request *r);
    void (*pause)(struct request *r);
    void (*resume)(struct request *r);
};

enum request_state {
    REQUEST_OVER,
    REQUEST_WAITING,  // waiting for a connection
    REQUEST_SENT,     // waiting for the head of the response
    REQUEST_REFUSED,  // reading the body of an error response
    REQUEST_OPEN,     // reading the stream
    REQUEST_RELEASED, // discarding the rest, to keep the connection
};

struct request {
    const struct request_events *events;
    const struct job *job;
    enum request_state state;
    bool retried;
    struct timer timer; // limits the time in the current state

    struct answer_head head; // the head of an error response
    struct buffer error_body;
    size_t discarded;

    // These belong to the connection.
    const struct carrier *carrier; // NULL without a connection
    void *connection;
    int32_t stream;
    size_t unconsumed; // received bytes for which the window was not yet widened
    size_t body_sent;
    uint64_t received_before;
    bool paused, reused;
    TAILQ_ENTRY(request) waiting;
};

TAILQ_HEAD(requests, request);

void request_setup(const struct config *c);
void request_start(struct request *r);
void request_cancel(struct request *r);
// Waits a short time for the API to end the response, after the answer is complete.
void request_release(struct request *r);
void request_pause(struct request *r);
void request_resume(struct request *r);

// The pool and the connections call these.
void request_carried(struct request *r, const struct carrier *carrier, void *connection);
void request_unreachable(struct request *r, struct failure failure);
void request_headed(struct request *r, const struct answer_head *head);
void request_bytes(struct request *r, struct text bytes);
void request_complete(struct request *r);
// `unprocessed`: the API has certainly not begun to process the request.
void request_broken(struct request *r, const char *reason, bool unprocessed);

#endif
