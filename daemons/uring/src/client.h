// A client is the socket of one client, with the send buffer of its answer.
//
// The daemon reads from the socket until it closes it, and discards what the client sends. So it
// notices that the client left while the API is silent. And no unread byte can turn the daemon's
// close into a reset, which would destroy the end of the answer. A client that shuts down its
// sending side looks like one that has left, and counts as gone.

#ifndef CLIENT_H
#define CLIENT_H

#include "buffer.h"
#include "ring.h"
#include "timer.h"

struct client;

struct client_events {
    // The client has left before the end of the answer, or has stalled (then `stalled` is set).
    void (*left)(struct client *c);
    // The backlog has become small.
    void (*drained)(struct client *c);
    // The socket is closed, and no operation of the client is pending.
    void (*closed)(struct client *c);
};

enum client_state {
    CLIENT_OPEN,
    CLIENT_ENDING,  // sending the end of the answer
    CLIENT_WAITING, // all sent; waiting for the client to close
    CLIENT_CLOSING, // waiting for pending operations
};

struct client {
    const struct client_events *events;
    enum client_state state;
    int fd;
    struct op reading, writing;
    struct buffer unsent;  // open for appending
    struct buffer sending; // belongs to the kernel while `writing` is pending
    size_t sent;           // bytes of `sending`

    int64_t write_timeout;
    int64_t progress_at; // when the client read its latest byte
    int queued;          // the length of the kernel's buffer at the latest check
    struct timer watch;  // checks the progress
    struct timer ending; // limits the end of the answer, and the linger
    size_t discarded;
    bool gone;    // the client has closed its sending side
    bool hurried; // the shutdown timeout has passed
    bool stalled;
};

// Takes ownership of the descriptor, and begins to read from it.
void client_open(struct client *c, int fd, int64_t write_timeout,
                 const struct client_events *events);
// Sends `unsent`.
void client_flush(struct client *c);
// Returns how many bytes of the answer the kernel has not accepted.
size_t client_backlog(const struct client *c);
// Sends `unsent` as the end of the answer.
void client_end(struct client *c);
// Limits the rest of the exchange to a short time.
void client_hurry(struct client *c);
// Resets the connection of a client that stalled or left.
void client_abandon(struct client *c);

#endif
