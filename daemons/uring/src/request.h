// One request to the API, from the wish to its end: waiting for a connection, waiting for the
// answer's head, reading the stream or the words of an error, and letting the API end what
// has nothing more to say. It sits between an exchange and whatever connection carries it.

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

// What the exchange is told. After `finished` and `failed` the request is over, as it is after
// request_cancel; `over` is told of one that was released.
struct request_events {
    void (*opened)(struct request *r); // the API's event stream begins
    void (*bytes)(struct request *r, struct text bytes);
    void (*finished)(struct request *r);
    void (*failed)(struct request *r, struct problem problem); // which is the exchange's
    void (*over)(struct request *r);
};

// What a connection does for the request that it carries.
struct carrier {
    void (*cancel)(struct request *r);
    void (*pause)(struct request *r);
    void (*resume)(struct request *r);
};

enum request_state {
    REQUEST_OVER,
    REQUEST_WAITING,  // for a connection
    REQUEST_SENT,     // and not answered
    REQUEST_REFUSED,  // reading the words of an error
    REQUEST_OPEN,     // the stream runs
    REQUEST_RELEASED, // nobody wants the rest, but the connection
};

struct request {
    const struct request_events *events;
    const struct job *job;
    enum request_state state;
    bool repeated;
    struct timer timer; // of what the state waits for

    struct answer_head head; // of an answer that refuses
    struct buffer words;
    size_t discarded;

    // The connection's.
    const struct carrier *carrier; // NULL when there is none
    void *connection;
    int32_t stream;
    size_t unconsumed; // bytes that the API may not replace yet
    size_t body_sent;
    uint64_t received_before;
    bool paused, reused;
    TAILQ_ENTRY(request) waiting;
};

TAILQ_HEAD(requests, request);

void request_setup(const struct config *c);
void request_start(struct request *r);
void request_cancel(struct request *r);
// The answer is whole for the client; the API may have a moment to end it.
void request_release(struct request *r);
void request_pause(struct request *r);
void request_resume(struct request *r);

// From the pool and the connections.
void request_carried(struct request *r, const struct carrier *carrier, void *connection);
void request_unreachable(struct request *r, struct failure failure);
void request_headed(struct request *r, const struct answer_head *head);
void request_bytes(struct request *r, struct text bytes);
void request_complete(struct request *r);
// `unprocessed`: the API has certainly not begun to work on it.
void request_broken(struct request *r, const char *reason, bool unprocessed);

#endif
