#include "request.h"

#include "log.h"
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The limits for reading an error response, to find its message.
#define ERROR_BODY_LIMIT ((size_t)64 << 10)
#define ERROR_BODY_TIME (2 * SECOND)

// How long the API may take after [DONE] to end the response, and how many bytes it may send
// meanwhile. A response that ends in time leaves a connection for the next request.
#define RELEASE_TIME (200 * MILLISECOND)
#define RELEASE_LIMIT ((size_t)16 << 10)

#define CONNECT_TIMEOUT "the daemon could not connect to the API in time"

static const struct config *config;

void request_setup(const struct config *c) {
    config = c;
}

// Separates the request from the pool and from its connection.
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
    log_warning("the API failed before its response: %s", message);
    fail(r, problem_of(504, TIMEOUT_ERROR, "upstream_timeout", message));
}

void request_unreachable(struct request *r, struct failure failure) {
    if (failure.timed_out) {
        fail_late(r, CONNECT_TIMEOUT);
        return;
    }
    log_warning("the API failed before its response: %s", failure.reason);
    fail(r,
         problem_of(502, UPSTREAM_ERROR, "upstream_unreachable",
                    "the daemon could not reach the API, or the API closed before its response"));
}

// Refusals

static struct problem unexpected_problem(struct request *r) {
    struct problem p;
    if (r->head.event_stream)
        return problem_of(502, UPSTREAM_ERROR, "unexpected_encoding",
                          "expected no content encoding from the API, found one");
    if (!problem_read(buffer_text(&r->error_body), &p))
        return problem_of(502, UPSTREAM_ERROR, "unexpected_content_type",
                          "expected an event stream from the API, found another content type");
    p.status = 502;
    return p;
}

// Reports whether the client gets the API's own status: a 4xx, except 401 and 403, which are about
// the daemon's key. All other statuses become a 502.
static bool is_relayed(int status) {
    return status >= 400 && status <= 499 && status != 401 && status != 403;
}

static struct problem refusal_problem(struct request *r) {
    int status = r->head.status;
    struct problem p;
    if (!is_relayed(status) || !problem_read(buffer_text(&r->error_body), &p)) {
        char code[64], message[64];
        snprintf(code, sizeof code, "upstream_status_%d", status);
        snprintf(message, sizeof message, "expected status 200 from the API, found %d", status);
        p = problem_of(502, UPSTREAM_ERROR, code, message);
    }
    p.status = is_relayed(status) ? status : 502;
    if (r->head.retry_after[0] != '\0')
        p.retry_after = strdup(r->head.retry_after);
    return p;
}

static void conclude(struct request *r) {
    bool good = r->head.status >= 200 && r->head.status <= 299;
    log_warning("the API refused a request with status %d", r->head.status);
    struct problem p = good ? unexpected_problem(r) : refusal_problem(r);
    buffer_free(&r->error_body);
    fail(r, p);
}

static void timed_out(struct timer *timer) {
    struct request *r = CONTAINER(timer, struct request, timer);
    switch (r->state) {
    case REQUEST_WAITING:
        fail_late(r, CONNECT_TIMEOUT);
        break;
    case REQUEST_SENT:
        fail_late(r, "the API did not begin its answer in time");
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
    r->timer.passed = timed_out;
    timer_set(&r->timer, ring_now() + config->connect_timeout);
    pool_ask(r);
}

void request_start(struct request *r) {
    ask(r);
}

void request_cancel(struct request *r) {
    detach(r);
    buffer_free(&r->error_body);
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
    if (is_relayed(head->status) || (good && !head->event_stream)) {
        bool short_idle = config->idle_timeout < ERROR_BODY_TIME;
        timer_set(&r->timer, ring_now() + (short_idle ? config->idle_timeout : ERROR_BODY_TIME));
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
        if (r->error_body.length + bytes.length > ERROR_BODY_LIMIT)
            bytes.length = ERROR_BODY_LIMIT - r->error_body.length;
        buffer_add_text(&r->error_body, bytes);
        if (r->error_body.length == ERROR_BODY_LIMIT)
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
        if (unprocessed && !r->retried) {
            log_info("retrying a request that the API did not process: %s", reason);
            r->retried = true;
            ask(r);
            return;
        }
        request_unreachable(r, (struct failure){.reason = reason});
        break;
    case REQUEST_REFUSED:
        conclude(r);
        break;
    case REQUEST_OPEN:
        log_warning("the API's answer broke off: %s", reason);
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
