// An exchange is one client's conversation: a job, the API's stream, and the client's answer.
// It relays events one by one. A client that stalls pauses the API: more than a little is
// never kept for it.

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
    int64_t heard; // when the last event came
    bool begun;    // the client has been given the head of the stream
    bool ended;    // and its last event, or a whole response
    bool client_closed;
    bool settled; // over() has been called
    bool counted; // among those that are held
    void (*over)(struct exchange *x);
    TAILQ_ENTRY(exchange) others;
};

// Takes the descriptor over. `over` is called when all is done; the exchange is for ring_free
// then.
struct exchange *exchange_open(const struct config *c, int fd, void (*over)(struct exchange *x));
// What the web server has handed over is answered: by the API's answer, or a refusal. With a
// problem given, by that.
void exchange_answer(struct exchange *x, struct text payload, struct problem *refusal);
// The daemon has to end.
void exchange_cut(struct exchange *x);

#endif
