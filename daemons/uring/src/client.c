#include "client.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// The contract (R8) sets these limits for lingering.
#define LINGER_TIME SECOND
#define LINGER_BYTES ((size_t)1 << 20)

// After the shutdown timeout: the time to send the end of an interrupted answer, and then the
// time for the client to close.
#define HURRIED_TIME (100 * MILLISECOND)

// The client calls `drained` below this backlog.
#define LOW_WATER ((size_t)32 << 10)

// How often the daemon checks a stalled client within its timeout. SIOCOUTQ costs a system call.
enum { CHECKS = 4 };

// The daemon ignores what clients send. All clients share this buffer, because no code reads it.
static char discarded[16 << 10];

static void destroy_when_idle(struct client *c) {
    if (c->reading.pending || c->writing.pending)
        return;
    close(c->fd);
    c->fd = -1;
    buffer_free(&c->unsent);
    buffer_free(&c->sending);
    c->events->closed(c);
}

static void close_client(struct client *c) {
    if (c->state == CLIENT_CLOSING)
        return;
    c->state = CLIENT_CLOSING;
    timer_stop(&c->watch);
    timer_stop(&c->ending);
    ring_cancel(&c->reading);
    ring_cancel(&c->writing);
    destroy_when_idle(c);
}

// shutdown() and close() are direct system calls: the ring would run them on another thread.
void client_abandon(struct client *c) {
    if (c->state == CLIENT_CLOSING)
        return;
    // The reset discards the kernel's send buffer: half an answer must not look like a complete
    // one.
    struct linger none = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    shutdown(c->fd, SHUT_WR);
    close_client(c);
}

static void handle_loss(struct client *c) {
    c->gone = true;
    if (c->state == CLIENT_OPEN)
        c->events->left(c);
    else
        client_abandon(c);
}

// Sending

// The client sees the end even while the web server still holds the socket.
static void finish(struct client *c) {
    c->state = CLIENT_WAITING;
    timer_stop(&c->watch);
    shutdown(c->fd, SHUT_WR);
    if (c->gone)
        close_client(c);
    else
        timer_set(&c->ending, ring_now() + (c->hurried ? HURRIED_TIME : LINGER_TIME));
}

static int queued(const struct client *c) {
    int bytes = 0;
    ioctl(c->fd, SIOCOUTQ, &bytes);
    return bytes;
}

// The timeout starts again whenever the client reads a byte: when a send completes, or when the
// kernel's buffer becomes shorter. The kernel accepts a send only after the client has read a
// large part of that buffer.
static void check_progress(struct timer *timer) {
    struct client *c = CONTAINER(timer, struct client, watch);
    if (!c->writing.pending)
        return;
    int now_queued = queued(c);
    if (now_queued < c->queued)
        c->progress_at = ring_now();
    c->queued = now_queued;
    if (ring_now() - c->progress_at < c->write_timeout) {
        timer_set(timer, ring_now() + c->write_timeout / CHECKS + 1);
        return;
    }
    c->stalled = true;
    handle_loss(c);
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
        timer_set(&c->watch, ring_now() + c->write_timeout / CHECKS + 1);
    } else if (c->state == CLIENT_ENDING) {
        finish(c);
    }
}

static void written(struct op *op, int result, char *unused) {
    (void)unused;
    struct client *c = CONTAINER(op, struct client, writing);
    if (c->state == CLIENT_CLOSING) {
        destroy_when_idle(c);
        return;
    }
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        handle_loss(c);
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
        timer_set(&c->ending, ring_now() + HURRIED_TIME);
    client_flush(c);
}

void client_hurry(struct client *c) {
    c->hurried = true;
    if (c->state == CLIENT_ENDING || c->state == CLIENT_WAITING)
        timer_set(&c->ending, ring_now() + HURRIED_TIME);
}

// Receiving

static void read_some(struct op *op, int result, char *unused) {
    (void)unused;
    struct client *c = CONTAINER(op, struct client, reading);
    if (c->state == CLIENT_CLOSING) {
        destroy_when_idle(c);
        return;
    }
    if (result <= 0) {
        c->gone = true;
        if (c->state == CLIENT_OPEN)
            c->events->left(c);
        else if (c->state == CLIENT_WAITING)
            close_client(c);
        return; // while the answer ends, its last send reports the result
    }
    if (c->state != CLIENT_OPEN)
        c->discarded += (size_t)result;
    if (c->state == CLIENT_WAITING && c->discarded > LINGER_BYTES)
        close_client(c);
    else
        ring_receive_into(&c->reading, c->fd, discarded, sizeof discarded);
}

static void end_timed_out(struct timer *timer) {
    struct client *c = CONTAINER(timer, struct client, ending);
    if (c->state == CLIENT_ENDING)
        client_abandon(c);
    else
        close_client(c);
}

void client_open(struct client *c, int fd, int64_t write_timeout,
                 const struct client_events *events) {
    *c = (struct client){.events = events, .fd = fd, .write_timeout = write_timeout};
    c->reading.done = read_some;
    c->writing.done = written;
    c->watch.passed = check_progress;
    c->ending.passed = end_timed_out;
    // Events are small, and Nagle's algorithm would delay them. Unix sockets refuse the option.
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ring_receive_into(&c->reading, fd, discarded, sizeof discarded);
}
