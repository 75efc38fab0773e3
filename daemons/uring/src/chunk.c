#include "chunk.h"

#include "json_text.h"

#include <stdlib.h>

json_t *chunk_read(struct text data) {
    json_t *chunk = json_read(data);
    if (json_is_object(chunk))
        return chunk;
    json_decref(chunk);
    return NULL;
}

static bool is_text(json_t *value, const char *string) {
    return json_is_string(value) && text_is(json_text_of(value), string);
}

// An object without choices is itself an error if it has the error's own fields. FastAPI servers
// send a `detail`, a text or a list.
static bool has_error_fields(json_t *chunk) {
    json_t *detail = json_object_get(chunk, "detail");
    return json_string_length(json_object_get(chunk, "message")) > 0 ||
           json_string_length(detail) > 0 || json_array_size(detail) > 0 ||
           is_text(json_object_get(chunk, "object"), "error") ||
           is_text(json_object_get(chunk, "type"), "error");
}

bool chunk_is_error(json_t *chunk) {
    json_t *error = json_object_get(chunk, "error");
    if (error != NULL && !json_is_null(error))
        return true;
    return json_array_size(json_object_get(chunk, "choices")) == 0 && has_error_fields(chunk);
}

// The line ends between the data lines of an event are white space in its JSON. JSON strings
// contain no line ends.
static void add_on_one_line(struct buffer *to, struct text data) {
    size_t begin = to->length;
    buffer_add_text(to, data);
    for (size_t i = begin; i < to->length; i++)
        if (to->bytes[i] == '\n' || to->bytes[i] == '\r')
            to->bytes[i] = ' ';
}

// Adds the text of a part: a string, or an object of the type `text`. A part of the type `thinking`
// (Mistral) has no text for the client: other APIs send it as reasoning_content, next to the
// content. False for any other value.
static bool add_part(json_t *part, struct buffer *to) {
    json_t *type = json_object_get(part, "type"), *text = json_object_get(part, "text");
    if (is_text(type, "thinking"))
        return true;
    if (json_is_string(part))
        text = part;
    else if (type != NULL && !json_is_null(type) && !is_text(type, "text"))
        return false;
    if (!json_is_string(text))
        return false;
    buffer_add_text(to, json_text_of(text));
    return true;
}

// Adds the texts of a list of text parts (Mistral, GLM). False for any other value.
static bool join_parts(json_t *parts, struct buffer *to) {
    size_t i;
    json_t *part;
    json_array_foreach(parts, i, part) {
        if (!add_part(part, to))
            return false;
    }
    return json_is_array(parts);
}

static void add_text_event(struct buffer *to, struct text text) {
    if (text.length == 0)
        return;
    buffer_add_text(to, TEXT("data: {\"content\":"));
    json_quote(to, text);
    buffer_add_text(to, TEXT("}\n\n"));
}

static bool render_texts(json_t *chunk, struct buffer *to) {
    size_t i;
    json_t *choice;
    json_array_foreach(json_object_get(chunk, "choices"), i, choice) {
        json_t *content = json_object_get(json_object_get(choice, "delta"), "content");
        if (json_integer_value(json_object_get(choice, "index")) != 0 || content == NULL ||
            json_is_null(content))
            continue;
        struct buffer joined = {0};
        bool good = json_is_string(content) || join_parts(content, &joined);
        if (good)
            add_text_event(to,
                           json_is_string(content) ? json_text_of(content) : buffer_text(&joined));
        buffer_free(&joined);
        if (!good)
            return false;
    }
    return true;
}

bool chunk_render(json_t *chunk, struct text data, enum format format, struct buffer *to) {
    if (format == FORMAT_SIMPLE)
        return render_texts(chunk, to);
    buffer_add_text(to, TEXT("data: "));
    add_on_one_line(to, data);
    buffer_add_text(to, TEXT("\n\n"));
    return true;
}

// The search for a choice is linear, so their number has a limit.
enum { MOST_CHOICES = 1000 };

static struct choice *find(struct completion *c, json_int_t index) {
    for (size_t i = 0; i < c->count; i++)
        if (c->choices[i].index == index)
            return &c->choices[i];
    if (c->count == MOST_CHOICES) {
        c->countless = true;
        return &c->choices[0];
    }
    struct choice *more = realloc(c->choices, (c->count + 1) * sizeof *more);
    if (more == NULL)
        abort();
    c->choices = more;
    c->choices[c->count] = (struct choice){.index = index};
    return &c->choices[c->count++];
}

void completion_note(struct completion *c, json_t *chunk) {
    size_t i;
    json_t *choice;
    json_array_foreach(json_object_get(chunk, "choices"), i, choice) {
        if (!json_is_object(choice))
            continue;
        struct choice *known = find(c, json_integer_value(json_object_get(choice, "index")));
        if (json_string_length(json_object_get(choice, "finish_reason")) > 0)
            known->finished = true;
    }
}

bool completion_reached(const struct completion *c) {
    for (size_t i = 0; i < c->count; i++)
        if (!c->choices[i].finished)
            return false;
    return c->count > 0 && !c->countless;
}

void completion_free(struct completion *c) {
    free(c->choices);
    *c = (struct completion){0};
}
