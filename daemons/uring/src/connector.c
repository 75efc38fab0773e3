#include "connector.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

// The time between two attempts to connect to a Unix socket whose queue is full.
#define UNIX_PAUSE (5 * MILLISECOND)

static void clean_up(struct connector *c) {
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    if (c->addresses != NULL)
        freeaddrinfo(c->addresses);
    c->addresses = c->trying = NULL;
}

static void succeed(struct connector *c) {
    int fd = c->fd;
    c->fd = -1;
    clean_up(c);
    c->done(c, fd, NULL, false);
}

static void fail(struct connector *c, const char *reason) {
    clean_up(c);
    c->done(c, -1, reason, c->error == ETIMEDOUT);
}

// Runs the next attempt from the event loop, so that `done` is never called too early.
static void attempt_soon(struct connector *c) {
    timer_set(&c->attempt, ring_now());
}

static void next_address(struct connector *c, int error) {
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->error = error;
    c->trying = c->trying->ai_next;
    attempt_soon(c);
}

static void connected(struct op *op, int result, char *unused) {
    (void)unused;
    struct connector *c = CONTAINER(op, struct connector, connecting);
    if (c->cancelled) {
        clean_up(c);
        c->idle(c);
    } else if (result < 0) {
        next_address(c, -result);
    } else {
        succeed(c);
    }
}

static void attempt_address(struct timer *timer) {
    struct connector *c = CONTAINER(timer, struct connector, attempt);
    if (c->trying == NULL) {
        fail(c, strerrordesc_np(c->error));
        return;
    }
    const struct addrinfo *a = c->trying;
    c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        next_address(c, errno);
        return;
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // The address stays valid until clean_up, which comes after the operation.
    ring_connect(&c->connecting, c->fd, a->ai_addr, a->ai_addrlen);
}

// A Unix socket connects at once, or fails because its queue is full. The kernel reports no event
// when the queue has room, so an operation on the ring could wait without end. This is a direct
// system call instead, with a retry after a pause. The pool limits the time for it.
static void attempt_unix(struct timer *timer) {
    struct connector *c = CONTAINER(timer, struct connector, attempt);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, c->path, sizeof address.sun_path - 1);
    if (c->fd < 0)
        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&address, sizeof address) == 0) {
        succeed(c);
    } else if (c->fd >= 0 && errno == EAGAIN) {
        timer_set(timer, ring_now() + UNIX_PAUSE);
    } else {
        c->error = errno;
        fail(c, strerrordesc_np(c->error));
    }
}

static void resolved(void *owner, struct addrinfo *addresses) {
    struct connector *c = owner;
    c->lookup = NULL;
    c->addresses = c->trying = addresses;
    if (addresses == NULL)
        fail(c, "the name lookup found no address for the API");
    else
        attempt_soon(c);
}

void connector_start(struct connector *c, const struct config *config) {
    c->fd = -1;
    c->connecting.done = connected;
    c->path = config->api_socket;
    c->attempt.passed = c->path != NULL ? attempt_unix : attempt_address;
    if (c->path == NULL) {
        c->addresses = c->trying = lookup_numeric(config->host, config->port);
        if (c->addresses == NULL)
            c->lookup = lookup_start(config->host, config->port, resolved, c);
    }
    c->error = EAGAIN; // the error if no thread can start
    if (c->lookup == NULL)
        attempt_soon(c);
}

bool connector_cancel(struct connector *c) {
    c->cancelled = true;
    timer_stop(&c->attempt);
    if (c->lookup != NULL)
        lookup_forget(c->lookup);
    if (c->connecting.pending) {
        ring_cancel(&c->connecting);
        return false;
    }
    clean_up(c);
    return true;
}
