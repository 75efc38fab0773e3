#include "client.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// The bounds on waiting for a client to close are the contract's (R8).
#define LINGER_TIME SECOND
#define LINGER_BYTES ((size_t)1 << 20)

// In a hurry: for the end of an interrupted answer to be sent, and then for the client to close.
#define HURRIED_TIME (100 * MILLISECOND)

// When `drained` is told.
#define LOW_WATER ((size_t)32 << 10)

// How often a stalled client is looked at within its time. SIOCOUTQ costs a call.
enum { LOOKS = 4 };

// What clients send is of no use: all of it goes here, and nobody looks at it. Being nobody's,
// it can be under any number of operations.
static char discarded[16 << 10];

static void bury(struct client *c) {
    if (c->reading.pending || c->writing.pending)
        return;
    close(c->fd);
    c->fd = -1;
    buffer_free(&c->unsent);
    buffer_free(&c->sending);
    c->events->closed(c);
}

static void let_go(struct client *c) {
    if (c->state == CLIENT_CLOSING)
        return;
    c->state = CLIENT_CLOSING;
    timer_stop(&c->watch);
    timer_stop(&c->patience);
    ring_cancel(&c->reading);
    ring_cancel(&c->writing);
    bury(c);
}

// shutdown() and close() are plain calls: the ring would hand them to a thread.
void client_abandon(struct client *c) {
    if (c->state == CLIENT_CLOSING)
        return;
    // What waits in the kernel is dropped: half an answer must not look like a whole one.
    struct linger none = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    shutdown(c->fd, SHUT_WR);
    let_go(c);
}

static void lost(struct client *c) {
    c->gone = true;
    if (c->state == CLIENT_OPEN)
        c->events->left(c);
    else
        client_abandon(c);
}

// Sending

// The client sees the end even while somebody else still holds its socket.
static void finish(struct client *c) {
    c->state = CLIENT_WAITING;
    timer_stop(&c->watch);
    shutdown(c->fd, SHUT_WR);
    if (c->gone)
        let_go(c);
    else
        timer_set(&c->patience, ring_now() + (c->hurried ? HURRIED_TIME : LINGER_TIME));
}

static int queued(const struct client *c) {
    int bytes = 0;
    ioctl(c->fd, SIOCOUTQ, &bytes);
    return bytes;
}

// Time counts from the last byte that the client took: from us, or from our kernel's buffer,
// which has room again only after a good part was read.
static void look_after(struct timer *timer) {
    struct client *c = CONTAINER(timer, struct client, watch);
    if (!c->writing.pending)
        return;
    int now_queued = queued(c);
    if (now_queued < c->queued)
        c->progress_at = ring_now();
    c->queued = now_queued;
    if (ring_now() - c->progress_at < c->write_timeout) {
        timer_set(timer, ring_now() + c->write_timeout / LOOKS + 1);
        return;
    }
    c->stalled = true;
    lost(c);
}

void client_flush(struct client *c) {
    if (c->writing.pending || c->state == CLIENT_CLOSING)
        return;
    if (c->sending.length == 0) {
        c->sending = c->unsent;
        c->unsent = (struct buffer){0};
    }
    if (c->sending.length > 0) {
        ring_send(&c->writing, c->fd, c->sending.bytes + c->sent, c->sending.length - c->sent);
        c->progress_at = ring_now();
        timer_set(&c->watch, ring_now() + c->write_timeout / LOOKS + 1);
    } else if (c->state == CLIENT_ENDING) {
        finish(c);
    }
}

static void written(struct op *op, int result, char *unused) {
    (void)unused;
    struct client *c = CONTAINER(op, struct client, writing);
    if (c->state == CLIENT_CLOSING) {
        bury(c);
        return;
    }
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        lost(c);
        return;
    }
    c->sent += result > 0 ? (size_t)result : 0;
    if (c->sent == c->sending.length) {
        buffer_free(&c->sending);
        c->sent = 0;
    }
    client_flush(c);
    if (c->state == CLIENT_OPEN && client_backlog(c) <= LOW_WATER)
        c->events->drained(c);
}

size_t client_backlog(const struct client *c) {
    return c->unsent.length + c->sending.length - c->sent;
}

void client_end(struct client *c) {
    c->state = CLIENT_ENDING;
    if (c->hurried)
        timer_set(&c->patience, ring_now() + HURRIED_TIME);
    client_flush(c);
}

void client_hurry(struct client *c) {
    c->hurried = true;
    if (c->state == CLIENT_ENDING || c->state == CLIENT_WAITING)
        timer_set(&c->patience, ring_now() + HURRIED_TIME);
}

// Receiving

static void read_some(struct op *op, int result, char *unused) {
    (void)unused;
    struct client *c = CONTAINER(op, struct client, reading);
    if (c->state == CLIENT_CLOSING) {
        bury(c);
        return;
    }
    if (result <= 0) {
        c->gone = true;
        if (c->state == CLIENT_OPEN)
            c->events->left(c);
        else if (c->state == CLIENT_WAITING)
            let_go(c);
        return; // while the answer ends, its sending says how
    }
    if (c->state != CLIENT_OPEN)
        c->discarded += (size_t)result;
    if (c->state == CLIENT_WAITING && c->discarded > LINGER_BYTES)
        let_go(c);
    else
        ring_receive_into(&c->reading, c->fd, discarded, sizeof discarded);
}

static void lose_patience(struct timer *timer) {
    struct client *c = CONTAINER(timer, struct client, patience);
    if (c->state == CLIENT_ENDING)
        client_abandon(c);
    else
        let_go(c);
}

void client_open(struct client *c, int fd, int64_t write_timeout,
                 const struct client_events *events) {
    *c = (struct client){.events = events, .fd = fd, .write_timeout = write_timeout};
    c->reading.done = read_some;
    c->writing.done = written;
    c->watch.passed = look_after;
    c->patience.passed = lose_patience;
    // Events are written one by one, and none shall wait for the acknowledgement of another.
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // fails on Unix sockets, rightly
    ring_receive_into(&c->reading, fd, discarded, sizeof discarded);
}
