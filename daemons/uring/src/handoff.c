#include "handoff.h"

#include "log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

// What the kernel lets one message carry (SCM_MAX_FD).
enum { MOST_DESCRIPTORS = 253 };

// For peers that have connected and not yet sent when the daemon is told to stop. The web
// server sends right after it has connected.
#define DRAIN_GRACE (250 * MILLISECOND)

struct peer {
    int fd;
    struct op receiving;
    struct timer late;
    void (*taken)(const struct handoff *h);
    void (*gone)(void);
    TAILQ_ENTRY(peer) others;
    // The kernel's while `receiving` is pending.
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

static void collect(struct msghdr *message, struct descriptors *found) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        // Other control messages (credentials) may stand in front.
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(found->at + found->count, CMSG_DATA(c), count * sizeof(int));
        found->count += count;
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

// The first descriptor decides; any other is closed unseen. Returns it, or -1.
static int choose(const struct descriptors *found, int flags) {
    bool cut = flags & MSG_CTRUNC;
    for (size_t i = cut ? 0 : 1; i < found->count; i++)
        close(found->at[i]);
    if (cut) {
        log_warning("a handoff was dropped: descriptors were lost on the way (MSG_CTRUNC)");
        return -1;
    }
    if (found->count == 0)
        return -1;
    if (is_client(found->at[0]))
        return found->at[0];
    log_warning("a handoff was dropped: the descriptor is no connected stream socket");
    close(found->at[0]);
    return -1;
}

static void received(struct op *op, int result, char *bytes) {
    struct peer *p = CONTAINER(op, struct peer, receiving);
    if (result == -ENOBUFS || result == -EINTR) {
        ring_receive_message(&p->receiving, p->fd, &p->message);
        return;
    }
    timer_stop(&p->late);
    close(p->fd); // before a descriptor is needed for the client
    TAILQ_REMOVE(&peers, p, others);
    ring_free(p);
    struct descriptors found = {.count = 0};
    if (result >= 0)
        collect(&p->message, &found);
    if (result == -ECANCELED)
        log_warning("a handoff was dropped: the peer connected and sent nothing");
    else if (result < 0 && result != -ECONNRESET)
        log_warning("a handoff was dropped: %s", strerror(-result));
    else if (result > 0 && found.count == 0 && !(p->message.msg_flags & MSG_CTRUNC))
        log_warning("a handoff was dropped: the message carries no descriptor");
    struct handoff h = {
        .client = choose(&found, result >= 0 ? p->message.msg_flags : 0),
        .data = {bytes, result > 0 ? (size_t)result : 0},
        .truncated = p->message.msg_flags & MSG_TRUNC,
    };
    if (h.client >= 0)
        p->taken(&h);
    p->gone();
}

// What has arrived by now is served all the same.
static void is_late(struct timer *timer) {
    ring_cancel(&CONTAINER(timer, struct peer, late)->receiving);
}

void handoff_receive(int fd, int64_t timeout, void (*taken)(const struct handoff *h),
                     void (*gone)(void)) {
    struct peer *p = allocate(sizeof *p);
    p->fd = fd;
    p->taken = taken;
    p->gone = gone;
    p->receiving.done = received;
    p->late.passed = is_late;
    p->data.iov_len = PAYLOAD_SIZE;
    p->message = (struct msghdr){
        .msg_iov = &p->data,
        .msg_iovlen = 1,
        .msg_control = p->control,
        .msg_controllen = sizeof p->control,
    };
    TAILQ_INSERT_TAIL(&peers, p, others);
    timer_set(&p->late, ring_now() + timeout);
    ring_receive_message(&p->receiving, fd, &p->message);
}

void handoff_hurry(void) {
    struct peer *p;
    TAILQ_FOREACH(p, &peers, others) {
        if (p->late.due > ring_now() + DRAIN_GRACE)
            timer_set(&p->late, ring_now() + DRAIN_GRACE);
    }
}
