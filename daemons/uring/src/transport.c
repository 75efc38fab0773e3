#include "transport.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void fail(struct transport *t, struct failure failure) {
    t->paused = true;
    t->events->ended(t->owner, failure);
}

// Frees a closed transport when it has no pending operation.
static void destroy_when_idle(struct transport *t) {
    if (t->connector.connecting.pending || t->reading.pending || t->writing.pending ||
        t->watching.pending)
        return;
    if (t->fd >= 0)
        close(t->fd);
    tls_free(t->tls);
    buffer_free(&t->unsent);
    buffer_free(&t->sending);
    ring_free(t);
}

// Sending

static void send_more(struct transport *t) {
    if (t->tls != NULL)
        tls_take(t->tls, &t->unsent);
    if (t->writing.pending || t->write_failed)
        return;
    if (t->sending.length == 0) {
        t->sending = t->unsent;
        t->unsent = (struct buffer){0};
    }
    if (t->sending.length > 0)
        ring_send(&t->writing, t->fd, t->sending.bytes + t->sent, t->sending.length - t->sent);
}

static void written(struct op *op, int result, char *unused) {
    (void)unused;
    struct transport *t = CONTAINER(op, struct transport, writing);
    if (t->closed) {
        destroy_when_idle(t);
        return;
    }
    if (result < 0) {
        // The API may have answered before it closed. Reading reports the answer or the failure.
        t->write_failed = true;
        return;
    }
    t->sent += (size_t)result;
    if (t->sent == t->sending.length) {
        buffer_free(&t->sending);
        t->sent = 0;
    }
    send_more(t);
}

void transport_send(struct transport *t, struct text bytes) {
    if (t->tls == NULL)
        buffer_add_text(&t->unsent, bytes);
    else if (!tls_write(t->tls, bytes))
        t->write_failed = true;
    send_more(t);
}

bool transport_is_sent(const struct transport *t) {
    return !t->write_failed && t->unsent.length == 0 && t->sending.length == 0;
}

// Receiving

static void receive(struct transport *t) {
    if (!t->reading.pending && !t->paused && !t->closed)
        ring_receive(&t->reading, t->fd);
}

static void become_ready(struct transport *t) {
    t->ready = true;
    t->events->ready(t->owner);
}

static void handshake(struct transport *t) {
    switch (tls_handshake(t->tls)) {
    case TLS_GOOD:
        send_more(t);
        become_ready(t);
        break;
    case TLS_MORE:
        send_more(t);
        break;
    default:
        send_more(t); // the alert
        fail(t, (struct failure){.reason = tls_reason(t->tls)});
    }
}

static void read_tls(struct transport *t, struct text bytes) {
    static char plain[READ_SIZE];
    tls_feed(t->tls, bytes);
    if (!t->ready)
        handshake(t);
    while (t->ready && !t->closed) {
        size_t length;
        enum tls_result result = tls_read(t->tls, plain, sizeof plain, &length);
        if (result == TLS_GOOD) {
            t->events->bytes(t->owner, (struct text){plain, length});
            continue;
        }
        send_more(t); // sends TLS messages, such as an alert
        if (result == TLS_CLOSED)
            fail(t, (struct failure){.clean = true, .reason = "the connection was closed"});
        else if (result == TLS_FAILED)
            fail(t, (struct failure){.reason = tls_reason(t->tls)});
        return;
    }
}

static void read_some(struct op *op, int result, char *bytes) {
    struct transport *t = CONTAINER(op, struct transport, reading);
    if (t->closed) {
        destroy_when_idle(t);
        return;
    }
    if (result > 0) {
        t->received += (uint64_t)result;
        struct text text = {bytes, (size_t)result};
        if (t->tls != NULL)
            read_tls(t, text);
        else
            t->events->bytes(t->owner, text);
    } else if (result == 0) {
        // An attacker on the path can cut a connection. Under TLS only close_notify is an end.
        fail(t, (struct failure){.clean = t->tls == NULL, .reason = "the connection was closed"});
    } else if (result != -ENOBUFS && result != -EINTR) {
        fail(t, (struct failure){.reason = strerrordesc_np(-result)});
    }
    receive(t);
}

void transport_pause(struct transport *t) {
    t->paused = true;
}

void transport_resume(struct transport *t) {
    t->paused = false;
    receive(t);
}

// Between requests the daemon polls and does not read. So unexpected bytes stay in the kernel,
// where transport_is_quiet finds them.
static void readable(struct op *op, int result, char *unused) {
    (void)result;
    (void)unused;
    struct transport *t = CONTAINER(op, struct transport, watching);
    if (t->closed)
        destroy_when_idle(t);
    else if (t->paused)
        t->events->readable(t->owner);
}

void transport_watch(struct transport *t) {
    if (!t->watching.pending)
        ring_poll(&t->watching, t->fd, POLLIN | POLLRDHUP);
}

bool transport_is_quiet(const struct transport *t) {
    char peeked;
    return !t->write_failed && !t->reading.pending && (t->tls == NULL || tls_is_empty(t->tls)) &&
           recv(t->fd, &peeked, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool transport_is_http2(const struct transport *t) {
    return t->tls != NULL && tls_chose_http2(t->tls);
}

// Its life

static void connected(struct connector *c, int fd, const char *reason, bool timed_out) {
    struct transport *t = CONTAINER(c, struct transport, connector);
    t->fd = fd;
    if (fd < 0) {
        fail(t, (struct failure){.reason = reason, .timed_out = timed_out});
    } else if (t->tls == NULL) {
        become_ready(t);
    } else {
        handshake(t);
        receive(t);
    }
}

static void unconnected(struct connector *c) {
    destroy_when_idle(CONTAINER(c, struct transport, connector));
}

struct transport *transport_open(const struct config *c, const struct transport_events *events,
                                 void *owner) {
    struct transport *t = allocate(sizeof *t);
    t->events = events;
    t->owner = owner;
    t->fd = -1;
    t->reading.done = read_some;
    t->writing.done = written;
    t->watching.done = readable;
    t->connector.done = connected;
    t->connector.idle = unconnected;
    if (c->tls && c->api_socket == NULL)
        t->tls = tls_new();
    connector_start(&t->connector, c);
    return t;
}

void transport_close(struct transport *t) {
    t->closed = true;
    if (t->fd < 0) {
        if (connector_cancel(&t->connector))
            destroy_when_idle(t);
        return;
    }
    if (t->tls != NULL && transport_is_sent(t)) {
        // Send close_notify, but do not wait for it.
        tls_close(t->tls);
        tls_take(t->tls, &t->unsent);
        send(t->fd, t->unsent.bytes, t->unsent.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    ring_cancel(&t->reading);
    ring_cancel(&t->writing);
    ring_cancel(&t->watching);
    destroy_when_idle(t);
}
