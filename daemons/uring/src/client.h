// The client's side of an exchange: its socket, and the answer on its way to it.
//
// The socket is read for as long as it is held, whatever the client sends: that is how its
// leaving is noticed while the API is silent, and how unread bytes are kept from turning our
// closing into a reset that would destroy the tail of the answer. A client that shuts down its
// sending side looks just like one that has left, and is treated as such.

#ifndef CLIENT_H
#define CLIENT_H

#include "buffer.h"
#include "ring.h"
#include "timer.h"

struct client;

struct client_events {
    // Before the end of the answer: it has gone, or it reads nothing (then `stalled` is set).
    void (*left)(struct client *c);
    // Much of what waited has been taken.
    void (*drained)(struct client *c);
    // The socket is closed, and the kernel has let go of the client.
    void (*closed)(struct client *c);
};

enum client_state {
    CLIENT_OPEN,
    CLIENT_ENDING,  // the last of the answer is on its way
    CLIENT_WAITING, // for the client to close, all having been sent
    CLIENT_CLOSING, // the kernel has not let go yet
};

struct client {
    const struct client_events *events;
    enum client_state state;
    int fd;
    struct op reading, writing;
    struct buffer unsent;  // ours, to be added to
    struct buffer sending; // the kernel's while `writing` is pending
    size_t sent;           // of `sending`

    int64_t write_timeout;
    int64_t progress_at; // when the client's kernel took something last
    int queued;          // what ours still held for it then
    struct timer watch;  // looks after the progress
    struct timer patience;
    size_t discarded;
    bool gone;    // nothing more comes from it
    bool hurried; // the daemon has to end
    bool stalled;
};

// Takes the descriptor over and begins to watch.
void client_open(struct client *c, int fd, int64_t write_timeout,
                 const struct client_events *events);
// Sends what has been added to `unsent`.
void client_flush(struct client *c);
// How many bytes wait for the client.
size_t client_backlog(const struct client *c);
// What is in `unsent` is the last of the answer.
void client_end(struct client *c);
// Allows little time for what is left to do.
void client_hurry(struct client *c);
// Drops a client that no longer reads or is no longer there.
void client_abandon(struct client *c);

#endif
