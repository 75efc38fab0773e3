#include "exchange.h"

#include "json_text.h"
#include "log.h"

#include <stdlib.h>

// What waits for a client before the API is paused: much more than an event, and little for
// each of many stalled clients.
#define HIGH_WATER ((size_t)64 << 10)

static void settle(struct exchange *x) {
    if (!x->client_closed || x->request.state != REQUEST_OVER || x->settled)
        return;
    x->settled = true;
    timer_stop(&x->idle);
    job_free(&x->job);
    event_stream_free(&x->stream);
    completion_free(&x->completion);
    x->over(x);
}

// The last thing that the client is told; the request must be over or released.
static void end(struct exchange *x) {
    x->ended = true;
    timer_stop(&x->idle);
    event_stream_free(&x->stream);
    x->stream = (struct event_stream){0};
    client_end(&x->client);
    settle(x);
}

// Ends the answer with a problem, in place of a stream or as its last event.
static void fail(struct exchange *x, struct problem p) {
    request_cancel(&x->request);
    if (x->begun) {
        log_warning("a stream failed: %s", p.message);
        problem_event(&p, &x->client.unsent);
    } else {
        problem_response(&p, buffer_text(&x->job.headers), &x->client.unsent);
    }
    problem_free(&p);
    end(x);
}

static void fail_broken(struct exchange *x, const char *message) {
    fail(x, problem_of(502, UPSTREAM_ERROR, "upstream_broken", message));
}

static void finish(struct exchange *x) {
    buffer_add_text(&x->client.unsent, TEXT("data: [DONE]\n\n"));
    request_release(&x->request);
    end(x);
}

// The API's events

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct text without_spaces(struct text t) {
    while (t.length > 0 && is_space(t.bytes[0]))
        t = (struct text){t.bytes + 1, t.length - 1};
    while (t.length > 0 && is_space(t.bytes[t.length - 1]))
        t.length--;
    return t;
}

static void take_error(struct exchange *x, struct text data) {
    struct problem p;
    if (!problem_read(data, &p)) {
        struct buffer message = {0};
        buffer_add_text(&message, data);
        buffer_add(&message, "", 1);
        p = problem_of(0, UPSTREAM_ERROR, "upstream_error", message.bytes);
        buffer_free(&message);
    }
    fail(x, p);
}

static void take_chunk(struct exchange *x, struct text data) {
    json_t *chunk = chunk_read(data);
    if (chunk == NULL) {
        fail_broken(x, "an event of the API's stream is not a JSON object");
        return;
    }
    if (chunk_is_error(chunk)) {
        take_error(x, data);
    } else if (!chunk_render(chunk, data, x->config->format, &x->client.unsent)) {
        fail_broken(x, "a delta's content is not a string");
    } else {
        completion_note(&x->completion, chunk);
    }
    json_decref(chunk);
}

static void take(struct exchange *x, const struct event *e) {
    struct text data = without_spaces(e->data);
    bool plain = e->kind.length == 0;
    if (plain)
        x->heard = ring_now();
    if (data.length == 0)
        return;
    if (text_is(e->kind, "error"))
        take_error(x, e->data);
    else if (!plain && !text_is(e->kind, "message"))
        return; // pings and the like are no part of an answer
    else if (text_is(data, "[DONE]"))
        finish(x);
    else
        take_chunk(x, e->data);
}

// Heartbeats keep a stream alive, but not one that has nothing left to say.
static void wait_for_more(struct exchange *x) {
    int64_t since = completion_reached(&x->completion) ? x->heard : ring_now();
    timer_set(&x->idle, since + x->config->idle_timeout);
}

static void fell_silent(struct timer *timer) {
    struct exchange *x = CONTAINER(timer, struct exchange, idle);
    fail(x, problem_of(504, TIMEOUT_ERROR, "upstream_timeout", "the API fell silent"));
}

// From the request

static void opened(struct request *r) {
    struct exchange *x = CONTAINER(r, struct exchange, request);
    if (r->body_sent == x->job.body.length)
        buffer_free(&x->job.body); // nobody will ask again
    x->begun = true;
    x->heard = ring_now();
    stream_head(buffer_text(&x->job.headers), &x->client.unsent);
    wait_for_more(x);
    client_flush(&x->client);
}

static void relay(struct request *r, struct text bytes) {
    struct exchange *x = CONTAINER(r, struct exchange, request);
    while (!x->ended) {
        struct event e;
        enum event_result result = event_stream_next(&x->stream, &bytes, &e);
        if (result == EVENT_NONE)
            break;
        if (result == EVENT_COMPLETE)
            take(x, &e);
        else
            fail_broken(x, "an event is larger than 2 MiB");
    }
    if (x->ended)
        return;
    client_flush(&x->client);
    if (client_backlog(&x->client) > HIGH_WATER) {
        request_pause(r);
        timer_stop(&x->idle);
    } else {
        wait_for_more(x);
    }
}

static void finished(struct request *r) {
    struct exchange *x = CONTAINER(r, struct exchange, request);
    struct event e;
    if (event_stream_flush(&x->stream, &e) == EVENT_COMPLETE)
        take(x, &e);
    if (x->ended)
        return;
    if (completion_reached(&x->completion))
        finish(x);
    else
        fail_broken(x, "the API's answer ended before it was finished");
}

static void failed(struct request *r, struct problem problem) {
    fail(CONTAINER(r, struct exchange, request), problem);
}

static void released(struct request *r) {
    settle(CONTAINER(r, struct exchange, request));
}

static const struct request_events request_events = {opened, relay, finished, failed, released};

// From the client

static void left(struct client *c) {
    struct exchange *x = CONTAINER(c, struct exchange, client);
    log_info("a client was lost: %s", c->stalled ? "it read nothing for too long" : "it left");
    x->ended = true;
    timer_stop(&x->idle);
    request_cancel(&x->request);
    client_abandon(c);
}

static void drained(struct client *c) {
    struct exchange *x = CONTAINER(c, struct exchange, client);
    if (!x->request.paused)
        return;
    x->heard = ring_now(); // while the client did not read, the API had to be silent
    wait_for_more(x);
    request_resume(&x->request);
}

static void closed(struct client *c) {
    struct exchange *x = CONTAINER(c, struct exchange, client);
    x->client_closed = true;
    settle(x);
}

static const struct client_events client_events = {left, drained, closed};

// From the server

struct exchange *exchange_open(const struct config *c, int fd, void (*over)(struct exchange *x)) {
    struct exchange *x = allocate(sizeof *x);
    x->config = c;
    x->over = over;
    x->idle.passed = fell_silent;
    x->request.events = &request_events;
    x->request.job = &x->job;
    client_open(&x->client, fd, c->write_timeout, &client_events);
    return x;
}

void exchange_answer(struct exchange *x, struct text payload, struct problem *refusal) {
    char *reason;
    bool good = payload_read(payload, &x->job, &reason);
    if (refusal != NULL) {
        log_warning("a handoff was refused: %s", refusal->message);
        fail(x, *refusal);
    } else if (!good) {
        log_warning("a handoff was refused: %s", reason);
        fail(x, problem_of(400, INVALID_REQUEST, "invalid_handoff", reason));
    } else {
        request_start(&x->request);
    }
    free(reason);
}

void exchange_cut(struct exchange *x) {
    client_hurry(&x->client);
    if (!x->ended)
        fail(x, problem_of(503, OVERLOADED, "shutting_down", "the daemon is shutting down"));
}
