#include "handoff.h"

#include "log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

// The kernel's limit on the descriptors of one message (SCM_MAX_FD).
enum { MOST_DESCRIPTORS = 253 };

// How long a stopping daemon waits for a peer that has connected and not yet sent. The web server
// sends right after it has connected.
#define DRAIN_GRACE (250 * MILLISECOND)

struct peer {
    int fd;
    struct op receiving;
    struct timer timeout;
    void (*handed)(const struct handoff *h);
    void (*gone)(void);
    TAILQ_ENTRY(peer) others;
    // These belong to the kernel while `receiving` is pending.
    struct msghdr message;
    struct iovec data;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
};

TAILQ_HEAD(peers_head, peer);
static struct peers_head peers = TAILQ_HEAD_INITIALIZER(peers);

struct descriptors {
    int at[MOST_DESCRIPTORS];
    size_t count;
};

static void collect(struct msghdr *message, struct descriptors *into) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        // Other control messages (credentials) may come first.
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(into->at + into->count, CMSG_DATA(c), count * sizeof(int));
        into->count += count;
    }
}

static bool is_client(int fd) {
    int kind;
    socklen_t length = sizeof kind;
    struct sockaddr_storage address;
    socklen_t address_length = sizeof address;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &length) == 0 && kind == SOCK_STREAM &&
           getpeername(fd, (struct sockaddr *)&address, &address_length) == 0;
}

// Returns the first descriptor, or -1 if it is not a client. Closes all others unchecked.
static int choose(const struct descriptors *sent, int flags) {
    bool cut = flags & MSG_CTRUNC;
    for (size_t i = cut ? 0 : 1; i < sent->count; i++)
        close(sent->at[i]);
    if (cut) {
        log_warning("discarded a handoff: the kernel dropped its descriptors (MSG_CTRUNC)");
        return -1;
    }
    if (sent->count == 0)
        return -1;
    if (is_client(sent->at[0]))
        return sent->at[0];
    log_warning("discarded a handoff: expected a connected stream socket as descriptor");
    close(sent->at[0]);
    return -1;
}

static void received(struct op *op, int result, char *bytes) {
    struct peer *p = CONTAINER(op, struct peer, receiving);
    if (result == -ENOBUFS || result == -EINTR) {
        ring_receive_message(&p->receiving, p->fd, &p->message);
        return;
    }
    timer_stop(&p->timeout);
    close(p->fd); // frees a descriptor before the client needs one
    TAILQ_REMOVE(&peers, p, others);
    ring_free(p);
    struct descriptors sent = {.count = 0};
    if (result >= 0)
        collect(&p->message, &sent);
    if (result == -ECANCELED)
        log_warning("discarded a handoff: the peer sent nothing before --handoff-timeout");
    else if (result < 0 && result != -ECONNRESET)
        log_warning("discarded a handoff: %s", strerror(-result));
    else if (result > 0 && sent.count == 0 && !(p->message.msg_flags & MSG_CTRUNC))
        log_warning("discarded a handoff: expected a descriptor in the message, found none");
    struct handoff h = {
        .client = choose(&sent, result >= 0 ? p->message.msg_flags : 0),
        .data = {bytes, result > 0 ? (size_t)result : 0},
        .truncated = p->message.msg_flags & MSG_TRUNC,
    };
    if (h.client >= 0)
        p->handed(&h);
    p->gone();
}

// A message that has already arrived is still served.
static void timed_out(struct timer *timer) {
    ring_cancel(&CONTAINER(timer, struct peer, timeout)->receiving);
}

void handoff_receive(int fd, int64_t timeout, void (*handed)(const struct handoff *h),
                     void (*gone)(void)) {
    struct peer *p = allocate(sizeof *p);
    p->fd = fd;
    p->handed = handed;
    p->gone = gone;
    p->receiving.done = received;
    p->timeout.passed = timed_out;
    p->data.iov_len = PAYLOAD_SIZE;
    p->message = (struct msghdr){
        .msg_iov = &p->data,
        .msg_iovlen = 1,
        .msg_control = p->control,
        .msg_controllen = sizeof p->control,
    };
    TAILQ_INSERT_TAIL(&peers, p, others);
    timer_set(&p->timeout, ring_now() + timeout);
    ring_receive_message(&p->receiving, fd, &p->message);
}

void handoff_hurry(void) {
    struct peer *p;
    TAILQ_FOREACH(p, &peers, others) {
        if (p->timeout.due > ring_now() + DRAIN_GRACE)
            timer_set(&p->timeout, ring_now() + DRAIN_GRACE);
    }
}
