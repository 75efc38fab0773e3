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

// How many handoffs may wait; the kernel cuts it to net.core.somaxconn. A web server that
// finds it full turns its user away.
enum { BACKLOG = 4096 };

// How long accepting rests when the process is out of descriptors: long enough to cost
// nothing, short against the web server's bounds of 100 ms.
#define EXHAUSTED_PAUSE (20 * MILLISECOND)

// How many are accepted before others have their turn.
enum { AT_ONCE = 64 };

// The listening socket itself is never under an operation. One would hold it open until the
// kernel has taken the ring apart, some time after a daemon that was killed has gone: whoever
// connects in between is lost, and a successor takes the socket for that of a daemon that
// lives. So the ring watches an epoll descriptor, which holds nothing, and accepting is a plain
// call.
static int fd = -1, epoll_fd = -1;
static const char *own_path;
static struct stat own; // the socket file as we made it
static struct op watching;
static struct timer rest;
static bool exhausted, draining;
static void (*give)(int peer);

static bool complain(const char *what, const char *path) {
    fprintf(stderr, "streaming-daemon: %s %s: %s\n", what, path, strerror(errno));
    return false;
}

// Clears the path of a dead daemon's socket, and of nothing else.
static bool remove_stale(const struct sockaddr_un *address) {
    const char *path = address->sun_path;
    struct stat found;
    if (lstat(path, &found) < 0)
        return errno == ENOENT || complain("look at", path);
    if (!S_ISSOCK(found.st_mode)) {
        fprintf(stderr,
                "streaming-daemon: %s exists and is no socket: remove it or choose another path\n",
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
                "streaming-daemon: %s is served by a running daemon: stop it or choose another "
                "path\n",
                path);
        return false;
    }
    errno = error;
    return complain("connect to", path);
}

// Until it listens the socket refuses everybody, so nobody slips in before its mode is set.
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
    // Two daemons that start at once must not both find the same stale socket; the lock on
    // the folder lets one of them look and bind after the other.
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

// Accepts up to so many; returns why there was not one more, or 0.
static int accept_some(unsigned count) {
    while (count-- > 0) {
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (peer >= 0) {
            exhausted = false;
            give(peer);
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
        timer_set(&rest, ring_now() + EXHAUSTED_PAUSE);
    } else {
        ring_poll(&watching, epoll_fd, POLLIN);
    }
}

static void somebody_came(struct op *op, int result, char *unused) {
    (void)op;
    (void)result;
    (void)unused;
    if (!draining)
        accept_now(NULL);
}

bool listener_serve(void (*accepted)(int peer)) {
    give = accepted;
    watching.done = somebody_came;
    rest.passed = accept_now;
    struct epoll_event event = {.events = EPOLLIN};
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return complain("watch", own_path);
    ring_poll(&watching, epoll_fd, POLLIN);
    return true;
}

// While the socket is open its inode number can be no other file's.
static void remove_own(void) {
    struct stat now;
    if (lstat(own_path, &now) == 0 && now.st_dev == own.st_dev && now.st_ino == own.st_ino)
        unlink(own_path);
}

// The path goes first, so that a successor can have it; SHUT_RD then refuses newcomers, while
// those in the queue can still be accepted.
void listener_drain(void) {
    draining = true;
    timer_stop(&rest);
    remove_own();
    shutdown(fd, SHUT_RD);
    while (accept_some(AT_ONCE) == 0)
        continue;
}
