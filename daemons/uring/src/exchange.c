#include "exchange.h"

#include "json_text.h"
#include "log.h"

#include <stdlib.h>

// The backlog above which the daemon pauses the API. It is much larger than an event, and small
// enough for many stalled clients.
#define HIGH_WATER ((size_t)64 << 10)

static void end_when_idle(struct exchange *x) {
    if (!x->client_closed || x->request.state != REQUEST_OVER || x->settled)
        return;
    x->settled = true;
    timer_stop(&x->idle);
    job_free(&x->job);
    event_stream_free(&x->stream);
    completion_free(&x->completion);
    x->over(x);
}

// Ends the answer with what is in `unsent`. The request must be over or released.
static void end(struct exchange *x) {
    x->ended = true;
    timer_stop(&x->idle);
    event_stream_free(&x->stream);
    x->stream = (struct event_stream){0};
    client_end(&x->client);
    end_when_idle(x);
}

// Ends the answer with a problem: an error response, or the last event of the stream.
static void fail(struct exchange *x, struct problem p) {
    request_cancel(&x->request);
    if (x->begun) {
        log_warning("the API's stream failed: %s", p.message);
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

static void take_chunk(struct exchange *x, struct text data) {
    json_t *chunk = chunk_read(data);
    if (chunk == NULL) {
        fail_broken(x, "expected a JSON object in each event of the API's stream");
        return;
    }
    if (chunk_is_error(chunk)) {
        fail(x, problem_reported(data));
    } else if (!chunk_render(chunk, data, x->config->format, &x->client.unsent)) {
        fail_broken(x, "expected a delta's content as a string or a list of texts");
    } else {
        completion_note(&x->completion, chunk);
    }
    json_decref(chunk);
}

static void take(struct exchange *x, const struct event *e) {
    struct text data = without_spaces(e->data);
    if (text_is(e->kind, EVENT_ERROR)) {
        fail(x, problem_reported(data));
        return;
    }
    if ((e->kind.length > 0 && !text_is(e->kind, "message")) || data.length == 0)
        return; // a heartbeat or a ping is not a part of the answer
    x->latest = ring_now();
    if (text_is(data, "[DONE]"))
        finish(x);
    else
        take_chunk(x, e->data);
}

// Heartbeats prolong a running answer. They do not prolong a finished one.
static void wait_for_more(struct exchange *x) {
    int64_t since = completion_reached(&x->completion) ? x->latest : ring_now();
    timer_set(&x->idle, since + x->config->idle_timeout);
}

static void fell_silent(struct timer *timer) {
    struct exchange *x = CONTAINER(timer, struct exchange, idle);
    fail(x, problem_of(504, TIMEOUT_ERROR, "upstream_timeout",
                       "the API sent nothing before the idle timeout"));
}

// From the request

static void opened(struct request *r) {
    struct exchange *x = CONTAINER(r, struct exchange, request);
    if (r->body_sent == x->job.body.length)
        buffer_free(&x->job.body); // a request with a response is not retried
    x->begun = true;
    x->latest = ring_now();
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
            fail_broken(x, "expected events of at most 2 MiB, found a larger one");
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
    end_when_idle(CONTAINER(r, struct exchange, request));
}

static const struct request_events request_events = {opened, relay, finished, failed, released};

// From the client

static void left(struct client *c) {
    struct exchange *x = CONTAINER(c, struct exchange, client);
    log_info("lost a client: it %s",
             c->stalled ? "read nothing for --write-timeout" : "closed the connection");
    x->ended = true;
    timer_stop(&x->idle);
    request_cancel(&x->request);
    client_abandon(c);
}

static void drained(struct client *c) {
    struct exchange *x = CONTAINER(c, struct exchange, client);
    if (!x->request.paused)
        return;
    x->latest = ring_now(); // the API could not send while it was paused
    wait_for_more(x);
    request_resume(&x->request);
}

static void closed(struct client *c) {
    struct exchange *x = CONTAINER(c, struct exchange, client);
    x->client_closed = true;
    end_when_idle(x);
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
        log_warning("refused a handoff: %s", refusal->message);
        fail(x, *refusal);
    } else if (!good) {
        log_warning("refused a handoff: %s", reason);
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
