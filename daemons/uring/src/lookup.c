#include "lookup.h"

#include "buffer.h"
#include "ring.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct lookup {
    const char *host, *port;
    void (*resolved)(void *owner, struct addrinfo *addresses);
    void *owner; // NULL after lookup_forget
    struct addrinfo *addresses;
};

static int answers[2];
static struct op reading;
static struct lookup *answer; // the ring reads from the pipe into this pointer

static const struct addrinfo hints = {
    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};

static void read_answer(struct op *op, int result, char *unused) {
    (void)unused;
    if (result == sizeof answer) {
        if (answer->owner != NULL)
            answer->resolved(answer->owner, answer->addresses);
        else if (answer->addresses != NULL)
            freeaddrinfo(answer->addresses);
        free(answer);
    }
    ring_read(op, answers[0], &answer, sizeof answer);
}

bool lookup_setup(void) {
    if (pipe2(answers, O_CLOEXEC) < 0)
        return false;
    reading.done = read_answer;
    ring_read(&reading, answers[0], &answer, sizeof answer);
    return true;
}

struct addrinfo *lookup_numeric(const char *host, const char *port) {
    struct addrinfo numeric = hints, *addresses;
    numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    return getaddrinfo(host, port, &numeric, &addresses) == 0 ? addresses : NULL;
}

static void *look_up(void *argument) {
    struct lookup *l = argument;
    if (getaddrinfo(l->host, l->port, &hints, &l->addresses) != 0)
        l->addresses = NULL;
    // The write is atomic, because it is shorter than PIPE_BUF.
    ssize_t written = write(answers[1], &l, sizeof l);
    (void)written;
    return NULL;
}

struct lookup *lookup_start(const char *host, const char *port,
                            void (*resolved)(void *owner, struct addrinfo *addresses),
                            void *owner) {
    struct lookup *l = allocate(sizeof *l);
    *l = (struct lookup){.host = host, .port = port, .resolved = resolved, .owner = owner};
    // Only the main thread handles signals.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int error = pthread_create(&thread, &detached, look_up, l);
    pthread_attr_destroy(&detached);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return l;
    free(l);
    return NULL;
}

void lookup_forget(struct lookup *l) {
    l->owner = NULL;
}
