// An exchange is one client's conversation: a job, the API's stream, and the client's answer.
// It relays events one by one. A stalled client pauses the API, so its backlog stays small.

#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "client.h"
#include "event_stream.h"
#include "request.h"

struct exchange {
    const struct config *config;
    struct client client;
    struct request request;
    struct job job;
    struct event_stream stream;
    struct completion completion;
    struct timer idle;
    int64_t latest; // when the latest chunk arrived
    bool begun;     // the answer has the head of a stream
    bool ended;     // the answer has its last event, or is a complete error response
    bool client_closed;
    bool settled; // `over` has been called
    bool counted; // the exchange counts for max_connections
    void (*over)(struct exchange *x);
    TAILQ_ENTRY(exchange) others;
};

// Takes ownership of the descriptor. The exchange calls `over` at its end. Release it there with
// ring_free.
struct exchange *exchange_open(const struct config *c, int fd, void (*over)(struct exchange *x));
// Answers the handoff with the API's stream, or with a refusal of invalid data. With a problem
// given, answers with that.
void exchange_answer(struct exchange *x, struct text payload, struct problem *refusal);
// Ends the exchange at once, because the daemon shuts down.
void exchange_cut(struct exchange *x);

#endif
