// A transport is a connection to the API: a socket on the ring, with or without TLS. The layer
// above it sees bytes and events only.

#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "connector.h"
#include "tls.h"

struct failure {
    const char *reason; // for the log
    bool timed_out;     // the failure is a timeout
    bool clean;         // not a failure: the API ended the stream properly
};

// The events for the owner. A transport never calls them after transport_close, or from within a
// function below.
struct transport_events {
    void (*ready)(void *owner);
    void (*bytes)(void *owner, struct text bytes);
    void (*ended)(void *owner, struct failure failure);
    // An idle connection has bytes to read, or has ended.
    void (*readable)(void *owner);
};

struct transport {
    const struct transport_events *events;
    void *owner;
    uint64_t received; // bytes since the connection was made

    int fd;
    struct tls *tls;            // or NULL
    struct connector connector; // runs until there is a descriptor
    struct op reading, writing, watching;

    struct buffer unsent;  // open for appending
    struct buffer sending; // belongs to the kernel while `writing` is pending
    size_t sent;           // bytes of `sending`
    bool ready, paused, write_failed, closed;
};

// Begins to connect.
struct transport *transport_open(const struct config *c, const struct transport_events *events,
                                 void *owner);
void transport_send(struct transport *t, struct text bytes);
// Reports whether the kernel has accepted all bytes.
bool transport_is_sent(const struct transport *t);
// Stops reading. A read that has already completed is still delivered.
void transport_pause(struct transport *t);
void transport_resume(struct transport *t);
// Polls a paused connection between two requests, and calls `readable` once.
void transport_watch(struct transport *t);
// Reports whether the connection is open and has no bytes to read.
bool transport_is_quiet(const struct transport *t);
bool transport_is_http2(const struct transport *t);
// Closes the connection. The memory is freed when no operation is pending.
void transport_close(struct transport *t);

#endif
