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

bool chunk_is_error(json_t *chunk) {
    json_t *error = json_object_get(chunk, "error");
    return error != NULL && !json_is_null(error);
}

// Line ends between the data lines of an event are white space in its JSON; in its strings
// there are none.
static void add_on_one_line(struct buffer *to, struct text data) {
    size_t begin = to->length;
    buffer_add_text(to, data);
    for (size_t i = begin; i < to->length; i++)
        if (to->bytes[i] == '\n' || to->bytes[i] == '\r')
            to->bytes[i] = ' ';
}

static bool render_texts(json_t *chunk, struct buffer *to) {
    size_t i;
    json_t *choice;
    json_array_foreach(json_object_get(chunk, "choices"), i, choice) {
        json_t *content = json_object_get(json_object_get(choice, "delta"), "content");
        if (json_integer_value(json_object_get(choice, "index")) != 0 || content == NULL ||
            json_is_null(content))
            continue;
        if (!json_is_string(content))
            return false;
        if (json_string_length(content) == 0)
            continue;
        buffer_add_text(to, TEXT("data: {\"content\":"));
        json_quote(to, json_text_of(content));
        buffer_add_text(to, TEXT("}\n\n"));
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

// Choices are looked for one by one.
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
        struct choice *seen = find(c, json_integer_value(json_object_get(choice, "index")));
        if (json_string_length(json_object_get(choice, "finish_reason")) > 0)
            seen->finished = true;
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
