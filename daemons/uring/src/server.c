#include "server.h"

#include "exchange.h"
#include "handoff.h"
#include "listener.h"
#include "log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

// How long the exchanges may take to end after the shutdown timeout: longer than a client's two
// hurried times.
#define ENDING_GRACE (500 * MILLISECOND)

static const struct config *config;
TAILQ_HEAD(exchanges_head, exchange);
static struct exchanges_head exchanges = TAILQ_HEAD_INITIALIZER(exchanges);
static size_t held;  // exchanges that count for max_connections
static size_t peers; // connected peers that have not sent a handoff
static bool stopping, ending;
static struct timer shutdown_timer;

static int signals;
static struct op signalled;
static struct signalfd_siginfo signal_info; // the ring reads signals into it

static void end_if_idle(void) {
    if (stopping && peers == 0 && TAILQ_EMPTY(&exchanges))
        ring_stop();
}

static void exchange_over(struct exchange *x) {
    TAILQ_REMOVE(&exchanges, x, others);
    held -= x->counted;
    ring_free(x);
    end_if_idle();
}

// Answers a handoff. One that is refused with 503 does not count for max_connections.
static void handed(const struct handoff *h) {
    struct exchange *x = exchange_open(config, h->client, exchange_over);
    TAILQ_INSERT_TAIL(&exchanges, x, others);
    struct problem refusal = {0};
    if (held >= config->max_connections)
        refusal =
            problem_of(503, OVERLOADED, "max_connections",
                       "the daemon already runs its maximum number of streams; try again later");
    else if (h->truncated)
        refusal = problem_of(413, INVALID_REQUEST, "handoff_too_large",
                             "expected handoff data of at most 256 KiB, found more");
    x->counted = refusal.status != 503;
    held += x->counted;
    exchange_answer(x, h->data, refusal.status != 0 ? &refusal : NULL);
    if (ending)
        exchange_cut(x);
}

static void peer_gone(void) {
    peers--;
    end_if_idle();
}

static void accepted(int peer) {
    peers++;
    handoff_receive(peer, config->handoff_timeout, handed, peer_gone);
    if (stopping)
        handoff_hurry();
}

static void stop_at_once(struct timer *timer) {
    (void)timer;
    ring_stop();
}

static void end_all(struct timer *timer) {
    log_warning("ending %zu exchanges that outlast --shutdown-timeout", held);
    ending = true;
    struct exchange *x, *next;
    for (x = TAILQ_FIRST(&exchanges); x != NULL; x = next) {
        next = TAILQ_NEXT(x, others);
        exchange_cut(x);
    }
    timer->passed = stop_at_once;
    timer_set(timer, ring_now() + ENDING_GRACE);
}

static sigset_t stop_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

static void stop(struct op *op, int result, char *unused) {
    (void)unused;
    if (result != sizeof signal_info) {
        ring_read(op, signals, &signal_info, sizeof signal_info);
        return;
    }
    // A second signal ends the process at once.
    sigset_t set = stop_signals();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    log_info("stopping with %zu exchanges", held);
    stopping = true;
    listener_drain();
    handoff_hurry();
    shutdown_timer.passed = end_all;
    timer_set(&shutdown_timer, ring_now() + config->shutdown_timeout);
    end_if_idle();
}

void server_block_signals(void) {
    sigset_t set = stop_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool server_start(const struct config *c) {
    config = c;
    sigset_t set = stop_signals();
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0) {
        perror("streaming-daemon: signalfd");
        return false;
    }
    signalled.done = stop;
    ring_read(&signalled, signals, &signal_info, sizeof signal_info);
    return listener_serve(accepted);
}
