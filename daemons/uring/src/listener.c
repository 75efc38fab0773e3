#include "listener.h"

#include "log.h"
#include "ring.h"
#include "timer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// How many handoffs may wait in the kernel's queue. The kernel limits it to net.core.somaxconn. A
// web server that finds the queue full refuses its user.
enum { BACKLOG = 4096 };

// The time between two accept calls when the process has no free descriptor. It is long enough to
// cost almost no CPU time, and much shorter than the 100 ms that the web server waits.
#define EXHAUSTED_PAUSE (20 * MILLISECOND)

// How many peers the daemon accepts before it handles other events.
enum { AT_ONCE = 64 };

// The listening socket is never part of an operation on the ring. An operation would hold it open
// for some time after a daemon was killed, until the kernel has destroyed the ring. A peer that
// connects in that time is lost, and a successor would believe that a live daemon owns the socket.
// So the ring polls an epoll descriptor, which does not hold the socket, and accept is a direct
// system call.
static int fd = -1, epoll_fd = -1;
static const char *own_path;
static struct stat own; // the socket file that bind made
static struct op watching;
static struct timer pause_timer;
static bool exhausted, draining;
static void (*on_accept)(int peer);

static bool complain(const char *what, const char *path) {
    fprintf(stderr, "streaming-daemon: %s %s: %s\n", what, path, strerror(errno));
    return false;
}

// Removes the socket file of a dead daemon. False for a live daemon's socket and for a file of any
// other type.
static bool remove_stale(const struct sockaddr_un *address) {
    const char *path = address->sun_path;
    struct stat existing;
    if (lstat(path, &existing) < 0)
        return errno == ENOENT || complain("stat", path);
    if (!S_ISSOCK(existing.st_mode)) {
        fprintf(stderr,
                "streaming-daemon: %s exists and is not a socket: remove it or choose another "
                "path\n",
                path);
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = connect(probe, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
    close(probe);
    if (error == ECONNREFUSED)
        return unlink(path) == 0 || complain("remove", path);
    if (error == 0 || error == EAGAIN || error == EPROTOTYPE) {
        fprintf(stderr,
                "streaming-daemon: a running daemon serves %s: stop it or choose another path\n",
                path);
        return false;
    }
    errno = error;
    return complain("connect to", path);
}

// The socket refuses every peer until it listens, so no peer connects before chmod.
static bool bind_and_listen(const struct sockaddr_un *address, mode_t mode) {
    const char *path = address->sun_path;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        return complain("bind", path);
    if (chmod(path, mode) < 0 || lstat(path, &own) < 0 || listen(fd, BACKLOG) < 0) {
        complain("listen on", path);
        unlink(path);
        return false;
    }
    return true;
}

bool listener_open(const char *path, mode_t mode) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return complain("listen on", path);
    }
    strcpy(address.sun_path, path);
    own_path = path;
    // Two daemons that start at once must not both find the same stale socket. The lock on the
    // folder makes the second one check and bind after the first one.
    char *copy = strdup(path);
    const char *name = dirname(copy);
    int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = folder >= 0 && flock(folder, LOCK_EX) == 0;
    if (!good)
        complain("lock", name);
    good = good && remove_stale(&address) && bind_and_listen(&address, mode);
    if (folder >= 0)
        close(folder);
    free(copy);
    return good;
}

static bool is_exhausted(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// Accepts up to `count` peers. Returns the error that ended the loop, or 0.
static int accept_some(unsigned count) {
    while (count-- > 0) {
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (peer >= 0) {
            exhausted = false;
            on_accept(peer);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return errno;
        }
    }
    return 0;
}

static void accept_now(struct timer *timer) {
    (void)timer;
    int error = accept_some(AT_ONCE);
    if (is_exhausted(error)) {
        if (!exhausted)
            log_warning("cannot accept for now: %s", strerror(error));
        exhausted = true;
        timer_set(&pause_timer, ring_now() + EXHAUSTED_PAUSE);
    } else {
        ring_poll(&watching, epoll_fd, POLLIN);
    }
}

static void peer_arrived(struct op *op, int result, char *unused) {
    (void)op;
    (void)result;
    (void)unused;
    if (!draining)
        accept_now(NULL);
}

bool listener_serve(void (*accepted)(int peer)) {
    on_accept = accepted;
    watching.done = peer_arrived;
    pause_timer.passed = accept_now;
    struct epoll_event event = {.events = EPOLLIN};
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return complain("epoll", own_path);
    ring_poll(&watching, epoll_fd, POLLIN);
    return true;
}

// Removes the socket file if bind made it. The kernel does not give the inode number to another
// file while the socket is open.
static void remove_own(void) {
    struct stat now;
    if (lstat(own_path, &now) == 0 && now.st_dev == own.st_dev && now.st_ino == own.st_ino)
        unlink(own_path);
}

// Removes the path first, so a successor can bind it. SHUT_RD then refuses new peers, and accept
// still returns the queued ones.
void listener_drain(void) {
    draining = true;
    timer_stop(&pause_timer);
    remove_own();
    shutdown(fd, SHUT_RD);
    while (accept_some(AT_ONCE) == 0)
        continue;
}
