#include "request.h"

#include "log.h"
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How much of an error's body is read to find its message, and for how long at most.
#define WORDS_LIMIT ((size_t)64 << 10)
#define WORDS_TIME (2 * SECOND)

// How long the API may take, after [DONE], to end the response and so leave a connection to
// use again; and how much it may still say.
#define RELEASE_TIME (200 * MILLISECOND)
#define RELEASE_LIMIT ((size_t)16 << 10)

static const struct config *config;

void request_setup(const struct config *c) {
    config = c;
}

// Lets go of the connection; the request is nobody's then but the exchange's.
static void detach(struct request *r) {
    timer_stop(&r->timer);
    if (r->state == REQUEST_WAITING)
        pool_withdraw(r);
    if (r->carrier != NULL)
        r->carrier->cancel(r);
    r->carrier = NULL;
    r->state = REQUEST_OVER;
}

static void fail(struct request *r, struct problem problem) {
    detach(r);
    r->events->failed(r, problem);
}

static void fail_late(struct request *r, const char *message) {
    log_warning("the API failed before its answer: %s", message);
    fail(r, problem_of(504, TIMEOUT_ERROR, "upstream_timeout", message));
}

void request_unreachable(struct request *r, struct failure failure) {
    if (failure.timed_out) {
        fail_late(r, "the API could not be reached in time");
        return;
    }
    log_warning("the API failed before its answer: %s", failure.reason);
    fail(r, problem_of(502, UPSTREAM_ERROR, "upstream_unreachable",
                       "the API could not be reached, or broke off before its answer"));
}

// Refusals

static struct problem unexpected_problem(struct request *r) {
    struct problem p;
    if (r->head.event_stream)
        return problem_of(502, UPSTREAM_ERROR, "unexpected_encoding",
                          "the API's answer is encoded, unasked");
    if (!problem_read(buffer_text(&r->words), &p))
        return problem_of(502, UPSTREAM_ERROR, "unexpected_content_type",
                          "the API did not answer with an event stream");
    p.status = 502;
    return p;
}

// A 4xx is the client's to know, but for what the API says of our key; its own failures are
// not.
static bool is_told(int status) {
    return status >= 400 && status <= 499 && status != 401 && status != 403;
}

static struct problem refusal_problem(struct request *r) {
    int status = r->head.status;
    struct problem p;
    if (!is_told(status) || !problem_read(buffer_text(&r->words), &p)) {
        char code[64], message[64];
        snprintf(code, sizeof code, "upstream_status_%d", status);
        snprintf(message, sizeof message, "the API answered with status %d", status);
        p = problem_of(502, UPSTREAM_ERROR, code, message);
    }
    p.status = is_told(status) ? status : 502;
    if (r->head.retry_after[0] != '\0')
        p.retry_after = strdup(r->head.retry_after);
    return p;
}

static void conclude(struct request *r) {
    bool good = r->head.status >= 200 && r->head.status <= 299;
    log_warning("the API refused: status %d", r->head.status);
    struct problem p = good ? unexpected_problem(r) : refusal_problem(r);
    buffer_free(&r->words);
    fail(r, p);
}

static void time_is_up(struct timer *timer) {
    struct request *r = CONTAINER(timer, struct request, timer);
    switch (r->state) {
    case REQUEST_WAITING:
        fail_late(r, "the API could not be reached in time");
        break;
    case REQUEST_SENT:
        fail_late(r, "the API did not begin to answer in time");
        break;
    case REQUEST_REFUSED:
        conclude(r);
        break;
    case REQUEST_RELEASED:
        detach(r);
        r->events->over(r);
        break;
    case REQUEST_OPEN:
    case REQUEST_OVER:
        break;
    }
}

// From the exchange

static void ask(struct request *r) {
    r->state = REQUEST_WAITING;
    r->timer.passed = time_is_up;
    timer_set(&r->timer, ring_now() + config->connect_timeout);
    pool_ask(r);
}

void request_start(struct request *r) {
    ask(r);
}

void request_cancel(struct request *r) {
    detach(r);
    buffer_free(&r->words);
}

void request_release(struct request *r) {
    if (r->state != REQUEST_OPEN)
        return;
    request_resume(r);
    r->state = REQUEST_RELEASED;
    timer_set(&r->timer, ring_now() + RELEASE_TIME);
}

void request_pause(struct request *r) {
    if (r->paused || r->carrier == NULL)
        return;
    r->paused = true;
    r->carrier->pause(r);
}

void request_resume(struct request *r) {
    if (!r->paused)
        return;
    r->paused = false;
    if (r->carrier != NULL)
        r->carrier->resume(r);
}

// From the connection

void request_carried(struct request *r, const struct carrier *carrier, void *connection) {
    r->carrier = carrier;
    r->connection = connection;
    r->state = REQUEST_SENT;
    r->paused = false;
    r->unconsumed = r->body_sent = 0;
    timer_set(&r->timer, ring_now() + config->first_byte_timeout);
}

void request_headed(struct request *r, const struct answer_head *head) {
    if (r->state != REQUEST_SENT)
        return;
    timer_stop(&r->timer);
    bool good = head->status >= 200 && head->status <= 299;
    if (good && head->event_stream && !head->encoded) {
        r->state = REQUEST_OPEN;
        r->events->opened(r);
        return;
    }
    r->head = *head;
    r->state = REQUEST_REFUSED;
    if (is_told(head->status) || (good && !head->event_stream)) {
        int64_t patience = config->idle_timeout < WORDS_TIME ? config->idle_timeout : WORDS_TIME;
        timer_set(&r->timer, ring_now() + patience);
    } else {
        conclude(r);
    }
}

void request_bytes(struct request *r, struct text bytes) {
    switch (r->state) {
    case REQUEST_OPEN:
        r->events->bytes(r, bytes);
        break;
    case REQUEST_REFUSED:
        if (r->words.length + bytes.length > WORDS_LIMIT)
            bytes.length = WORDS_LIMIT - r->words.length;
        buffer_add_text(&r->words, bytes);
        if (r->words.length == WORDS_LIMIT)
            conclude(r);
        break;
    case REQUEST_RELEASED:
        r->discarded += bytes.length;
        if (r->discarded > RELEASE_LIMIT) {
            detach(r);
            r->events->over(r);
        }
        break;
    default:
        break;
    }
}

void request_complete(struct request *r) {
    r->carrier = NULL;
    enum request_state state = r->state;
    if (state == REQUEST_REFUSED) {
        conclude(r);
        return;
    }
    detach(r);
    if (state == REQUEST_OPEN)
        r->events->finished(r);
    else if (state == REQUEST_RELEASED)
        r->events->over(r);
}

void request_broken(struct request *r, const char *reason, bool unprocessed) {
    r->carrier = NULL;
    enum request_state state = r->state;
    switch (state) {
    case REQUEST_SENT:
        if (unprocessed && !r->repeated) {
            log_info("a request is sent again: %s", reason);
            r->repeated = true;
            ask(r);
            return;
        }
        request_unreachable(r, (struct failure){.reason = reason});
        break;
    case REQUEST_REFUSED:
        conclude(r);
        break;
    case REQUEST_OPEN:
        log_warning("a stream broke off: %s", reason);
        fail(r, problem_of(502, UPSTREAM_ERROR, "upstream_broken", "the API's answer broke off"));
        break;
    case REQUEST_RELEASED:
        detach(r);
        r->events->over(r);
        break;
    default:
        break;
    }
}
