#include "problem.h"

#include "json_text.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

// The message for an error without one.
#define UNNAMED "the API reported an error"

static char *copy_of(struct text t) {
    char *copy = allocate(t.length + 1);
    memcpy(copy, t.bytes, t.length);
    return copy;
}

// Returns the text as a JSON string. Release it with free().
static char *quoted(struct text t) {
    struct buffer b = {0};
    json_quote(&b, t);
    buffer_add(&b, "", 1);
    return b.bytes;
}

struct problem problem_of(int status, const char *type, const char *code, const char *message) {
    return (struct problem){
        .status = status,
        .message = copy_of(text_of(message)),
        .type = copy_of(text_of(type)),
        .code = quoted(text_of(code)),
    };
}

// Returns a code, a string or a number, as JSON. Numbers keep their digits, which Jansson may lose.
static char *read_code(struct text object) {
    struct member m;
    while (json_next_member(&object, &m)) {
        if (!text_is(m.name, "\"code\""))
            continue;
        char first = m.value.bytes[0];
        if (first != '"')
            return first == '-' || (first >= '0' && first <= '9') ? copy_of(m.value) : NULL;
        json_t *code = json_read(m.value);
        char *copy = quoted(json_text_of(code));
        json_decref(code);
        return copy;
    }
    return NULL;
}

static struct text error_text(struct text object) {
    struct member m;
    while (json_next_member(&object, &m))
        if (text_is(m.name, "\"error\""))
            return m.value;
    return object;
}

bool problem_read(struct text data, struct problem *p) {
    json_t *root = json_read(data);
    json_t *error = json_object_get(root, "error");
    bool keyed = error != NULL && !json_is_null(error);
    if (keyed)
        data = error_text(data);
    else
        error = root;
    json_t *message = json_is_object(error) ? json_object_get(error, "message") : error;
    if (!keyed && json_string_length(message) == 0)
        message = json_object_get(error, "detail");
    json_t *type = json_object_get(error, "type");
    bool has_message = json_is_string(message) && json_string_length(message) > 0;
    if (keyed || has_message) {
        char *code = json_is_object(error) ? read_code(data) : NULL;
        *p = (struct problem){
            .message = copy_of(has_message ? json_text_of(message) : TEXT(UNNAMED)),
            .type = copy_of(json_is_string(type) ? json_text_of(type) : TEXT(UPSTREAM_ERROR)),
            .code = code != NULL ? code : copy_of(TEXT("null")),
        };
    }
    json_decref(root);
    return keyed || has_message;
}

struct problem problem_reported(struct text data) {
    struct problem p;
    if (problem_read(data, &p))
        return p;
    json_t *root = json_read(data);
    bool plain = data.length > 0 && root == NULL;
    json_decref(root);
    return (struct problem){
        .message = copy_of(plain ? data : TEXT(UNNAMED)),
        .type = copy_of(TEXT(UPSTREAM_ERROR)),
        .code = copy_of(TEXT("null")),
    };
}

void problem_free(struct problem *p) {
    free(p->message);
    free(p->type);
    free(p->code);
    free(p->retry_after);
    *p = (struct problem){0};
}

static void quote_redacted(struct buffer *to, const char *text) {
    struct buffer clean = {0};
    add_redacted(&clean, text_of(text));
    json_quote(to, buffer_text(&clean));
    buffer_free(&clean);
}

static void problem_json(const struct problem *p, struct buffer *to) {
    buffer_add_text(to, TEXT("{\"error\":{\"message\":"));
    quote_redacted(to, p->message);
    buffer_add_text(to, TEXT(",\"type\":"));
    quote_redacted(to, p->type);
    buffer_add_text(to, TEXT(",\"code\":"));
    add_redacted(to, text_of(p->code));
    buffer_add_text(to, TEXT("}}"));
}

void problem_event(const struct problem *p, struct buffer *to) {
    buffer_add_text(to, TEXT("data: "));
    problem_json(p, to);
    buffer_add_text(to, TEXT("\n\n"));
}

static const char *reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {400, "Bad Request"},       {404, "Not Found"},         {408, "Request Timeout"},
        {409, "Conflict"},          {413, "Content Too Large"}, {422, "Unprocessable Content"},
        {429, "Too Many Requests"}, {502, "Bad Gateway"},       {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

void problem_response(const struct problem *p, struct text extra, struct buffer *to) {
    struct buffer body = {0};
    problem_json(p, &body);
    buffer_add(&body, "\n", 1);
    buffer_print(to,
                 "HTTP/1.1 %d %s\r\n"
                 "Content-Type: application/json\r\n"
                 "Cache-Control: no-cache\r\n"
                 "Connection: close\r\n"
                 "Content-Length: %zu\r\n",
                 p->status, reason(p->status), body.length);
    if (p->retry_after != NULL)
        buffer_print(to, "Retry-After: %s\r\n", p->retry_after);
    buffer_add_text(to, extra);
    buffer_add_text(to, TEXT("\r\n"));
    buffer_add_text(to, buffer_text(&body));
    buffer_free(&body);
}

void stream_head(struct text extra, struct buffer *to) {
    buffer_add_text(to, TEXT("HTTP/1.1 200 OK\r\n"
                             "Content-Type: text/event-stream\r\n"
                             "Cache-Control: no-cache\r\n"
                             "Connection: close\r\n"
                             "X-Accel-Buffering: no\r\n"));
    buffer_add_text(to, extra);
    buffer_add_text(to, TEXT("\r\n"));
}
