#include "payload.h"

#include "event_stream.h"
#include "fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The model for handoff data without one.
#define DEFAULT_MODEL "\"gpt-4o-mini\""

struct reading {
    struct fields fields;
    json_t *root;
    char *reason;
};

static bool refuse(struct reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct reading *r, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&r->reason, format, arguments) < 0)
        abort();
    va_end(arguments);
    return false;
}

enum type { STRING, INTEGER, NUMBER, STRING_OR_NUMBER, LIST, OBJECT };

static bool is_type(const json_t *value, enum type type) {
    switch (type) {
    case STRING:
        return json_is_string(value);
    case INTEGER:
        return json_is_integer(value);
    case NUMBER:
        return json_is_number(value);
    case STRING_OR_NUMBER:
        return json_is_string(value) || json_is_number(value);
    case LIST:
        return json_is_array(value);
    case OBJECT:
        return json_is_object(value);
    }
    return false;
}

static const char *const wanted[] = {
    [STRING] = "a string", [INTEGER] = "an integer",
    [NUMBER] = "a number", [STRING_OR_NUMBER] = "a string or a number",
    [LIST] = "a list",     [OBJECT] = "an object",
};

// Gets a field. The value is NULL for an absent or null field. False for a value of another type.
static bool get(struct reading *r, const char *name, enum type type, json_t **value,
                struct text *text) {
    *value = json_object_get(r->root, name);
    if (json_is_null(*value))
        *value = NULL;
    if (*value == NULL)
        return true;
    if (!is_type(*value, type))
        return refuse(r, "%s: expected %s", name, wanted[type]);
    *text = fields_get(&r->fields, name);
    return true;
}

// Parses the outer object of the handoff data. It is stricter than a JSON parser. A duplicate name
// is an error: the web server may have checked the other value.
static bool read_fields(struct reading *r, struct text data) {
    r->root = json_read(data);
    if (!json_is_object(r->root))
        return refuse(r, "expected a JSON object in UTF-8 as handoff data");
    struct member m;
    while (json_next_member(&data, &m))
        if (!fields_set_member(&r->fields, &m))
            return refuse(r, "expected each field once, found %.*s twice", (int)m.name.length,
                          m.name.bytes);
    return true;
}

static bool has_control(struct text t) {
    for (size_t i = 0; i < t.length; i++)
        if ((unsigned char)t.bytes[i] < 0x20 || t.bytes[i] == 0x7f)
            return true;
    return false;
}

// Gets a field that the daemon sends to the API as a header. Control characters are an error:
// without them, the value would mean something else.
static bool header_value(struct reading *r, const char *name, struct buffer *to) {
    json_t *value;
    struct text unused;
    if (!get(r, name, STRING, &value, &unused))
        return false;
    if (value == NULL)
        return true;
    struct text text = json_text_of(value);
    if (has_control(text))
        return refuse(r, "%s: expected a string without control characters", name);
    buffer_add_text(to, text_trim(text));
    return true;
}

static bool is_token(const char *name) {
    return *name != '\0' && name[strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

// Reports whether the handoff data cannot set this response header.
static bool is_reserved(const char *name) {
    static const char *const reserved[] = {
        "content-type",   "cache-control",    "connection",        "transfer-encoding",
        "content-length", "content-encoding", "x-accel-buffering",
    };
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcasecmp(name, reserved[i]) == 0)
            return true;
    return false;
}

static bool response_headers(struct reading *r, struct buffer *to) {
    json_t *headers, *value;
    struct text text;
    if (!get(r, "response_headers", OBJECT, &headers, &text))
        return false;
    struct member m;
    while (headers != NULL && json_next_member(&text, &m)) {
        char *name = member_name(&m);
        value = json_read(m.value);
        if (json_is_string(value) && is_token(name) && !is_reserved(name) &&
            !has_control(json_text_of(value)))
            buffer_print(to, "%s: %.*s\r\n", name, (int)json_string_length(value),
                         json_string_value(value));
        json_decref(value);
        free(name);
    }
    return true;
}

// Checks the types of a message's role and content. Content may be absent or null: an assistant
// message with tool calls does not need any.
static bool check_message(struct reading *r, size_t number, json_t *message) {
    if (!json_is_object(message))
        return refuse(r, "messages[%zu]: expected an object with role and content", number);
    if (!json_is_string(json_object_get(message, "role")))
        return refuse(r, "messages[%zu]: role: expected a string", number);
    json_t *content = json_object_get(message, "content"), *part;
    if (content == NULL || json_is_null(content) || json_is_string(content))
        return true;
    if (!json_is_array(content))
        return refuse(r, "messages[%zu]: content: expected a string or a list of parts", number);
    size_t i;
    json_array_foreach(content, i, part) if (!json_is_object(part)) return refuse(
        r, "messages[%zu]: content: expected a list of objects", number);
    return true;
}

// Gets the messages, or builds them in `made` from system and prompt.
static bool conversation(struct reading *r, struct buffer *made, struct text *messages) {
    json_t *list, *prompt, *system, *message;
    struct text prompt_text, system_text;
    if (!get(r, "messages", LIST, &list, messages) ||
        !get(r, "prompt", STRING, &prompt, &prompt_text) ||
        !get(r, "system", STRING, &system, &system_text))
        return false;
    size_t i;
    json_array_foreach(list, i, message) if (!check_message(r, i, message)) return false;
    if (json_array_size(list) > 0)
        return true;
    if (prompt == NULL)
        return refuse(r, "expected prompt or messages, found neither");
    buffer_add_text(made, TEXT("["));
    if (system != NULL) {
        buffer_add_text(made, TEXT("{\"role\":\"system\",\"content\":"));
        buffer_add_text(made, system_text);
        buffer_add_text(made, TEXT("},"));
    }
    buffer_add_text(made, TEXT("{\"role\":\"user\",\"content\":"));
    buffer_add_text(made, prompt_text);
    buffer_add_text(made, TEXT("}]"));
    *messages = buffer_text(made);
    return true;
}

static bool request_fields(struct reading *r, struct fields *request, struct buffer *made) {
    static const struct {
        const char *name, *api_name;
        enum type type;
    } passed[] = {
        {"max_tokens", "\"max_tokens\"", INTEGER},
        {"temperature", "\"temperature\"", NUMBER},
        // Many web applications number their users.
        {"user_id", "\"user\"", STRING_OR_NUMBER},
    };
    json_t *value;
    struct text text = TEXT(DEFAULT_MODEL), messages;
    if (!get(r, "model", STRING, &value, &text) || !conversation(r, made, &messages))
        return false;
    fields_set(request, TEXT("\"model\""), text);
    fields_set(request, TEXT("\"messages\""), messages);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        if (!get(r, passed[i].name, passed[i].type, &value, &text))
            return false;
        if (value != NULL)
            fields_set(request, text_of(passed[i].api_name), text);
    }
    if (!get(r, "body", OBJECT, &value, &text))
        return false;
    struct member m;
    while (value != NULL && json_next_member(&text, &m))
        fields_set_member(request, &m);
    fields_set(request, TEXT("\"stream\""), TEXT("true"));
    return true;
}

bool payload_read(struct text data, struct job *job, char **reason) {
    struct reading r = {0};
    struct fields request = {0};
    struct buffer made = {0};
    bool good = read_fields(&r, data) && response_headers(&r, &job->headers) &&
                header_value(&r, "test_pattern", &job->pattern) &&
                header_value(&r, "request_id", &job->id) && request_fields(&r, &request, &made);
    if (good)
        fields_encode(&request, &job->body);
    *reason = r.reason;
    buffer_free(&made);
    fields_free(&request);
    fields_free(&r.fields);
    json_decref(r.root);
    return good;
}

void job_free(struct job *job) {
    buffer_free(&job->body);
    buffer_free(&job->pattern);
    buffer_free(&job->id);
    buffer_free(&job->headers);
}
