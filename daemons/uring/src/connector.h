// From where the API is to a connected socket: the name is looked up, its addresses are tried
// one after the other, or a Unix socket is connected to.

#ifndef CONNECTOR_H
#define CONNECTOR_H

#include "config.h"
#include "lookup.h"
#include "ring.h"

struct connector {
    // Called once with the descriptor, or with -1 and the reason why there is none. Never from
    // within connector_start.
    void (*done)(struct connector *c, int fd, const char *reason, bool timed_out);
    // Called if it was cancelled and the kernel had not let go at once.
    void (*idle)(struct connector *c);

    int fd;
    struct op connecting;
    struct lookup *lookup;
    struct addrinfo *addresses, *trying;
    const char *path;     // of a Unix socket, or NULL
    int error;            // of the last attempt
    struct timer attempt; // the next one, or the news that there is none
    bool cancelled;
};

// `done` and `idle` are set.
void connector_start(struct connector *c, const struct config *config);
// True when the kernel has let go of it; else `idle` follows.
bool connector_cancel(struct connector *c);

#endif
