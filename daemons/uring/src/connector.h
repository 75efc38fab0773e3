// A connector makes a connected socket to the API. It looks up the name and tries the addresses
// one by one, or connects to a Unix socket.

#ifndef CONNECTOR_H
#define CONNECTOR_H

#include "config.h"
#include "lookup.h"
#include "ring.h"

struct connector {
    // Called once, with the descriptor, or with -1 and an error text. Never called from within
    // connector_start.
    void (*done)(struct connector *c, int fd, const char *reason, bool timed_out);
    // Called after connector_cancel returned false, when no operation is pending any more.
    void (*idle)(struct connector *c);

    int fd;
    struct op connecting;
    struct lookup *lookup;
    struct addrinfo *addresses, *trying;
    const char *path;     // of a Unix socket, or NULL
    int error;            // of the latest attempt
    struct timer attempt; // runs the next attempt, or reports the failure
    bool cancelled;
};

// Begins to connect. The caller has set `done` and `idle`.
void connector_start(struct connector *c, const struct config *config);
// Returns true if no operation is pending. Otherwise `idle` follows.
bool connector_cancel(struct connector *c);

#endif
