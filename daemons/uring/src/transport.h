// A connection to the API: a socket on the ring, with or without TLS over it. Above it there
// are only bytes, and three events.

#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "connector.h"
#include "tls.h"

struct failure {
    const char *reason; // for the log
    bool timed_out;     // the kernel gave up
    bool clean;         // no failure: the other side ended the stream as the rules say
};

// None is called after transport_close, nor from within another function here.
struct transport_events {
    void (*ready)(void *owner);
    void (*bytes)(void *owner, struct text bytes);
    void (*ended)(void *owner, struct failure failure);
    // An idle connection has something to read, or has ended.
    void (*stirred)(void *owner);
};

struct transport {
    const struct transport_events *events;
    void *owner;
    uint64_t received; // bytes so far

    int fd;
    struct tls *tls;            // or NULL
    struct connector connector; // until there is a descriptor
    struct op reading, writing, watching;

    struct buffer unsent;  // ours, to be added to
    struct buffer sending; // the kernel's while `writing` is pending
    size_t sent;           // of `sending`
    bool ready, paused, deaf, closed;
};

// Begins to connect.
struct transport *transport_open(const struct config *c, const struct transport_events *events,
                                 void *owner);
void transport_send(struct transport *t, struct text bytes);
// Whether the kernel has taken all that was sent.
bool transport_is_sent(const struct transport *t);
// What has been read already is still delivered.
void transport_pause(struct transport *t);
void transport_resume(struct transport *t);
// For a paused connection between two requests: tells when it stirs.
void transport_watch(struct transport *t);
// Whether it is open with nothing to read, as one between two requests should be.
bool transport_is_quiet(const struct transport *t);
bool transport_is_http2(const struct transport *t);
// It is gone for the owner; the memory follows when the kernel has let go of it.
void transport_close(struct transport *t);

#endif
