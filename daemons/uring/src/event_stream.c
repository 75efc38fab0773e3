#include "event_stream.h"

#include <string.h>

static bool is_line_end(char c) {
    return c == '\n' || c == '\r';
}

static size_t line_length(struct text t) {
    const char *lf = memchr(t.bytes, '\n', t.length);
    size_t length = lf == NULL ? t.length : (size_t)(lf - t.bytes);
    const char *cr = memchr(t.bytes, '\r', length);
    return cr == NULL ? length : (size_t)(cr - t.bytes);
}

static void clear(struct event_stream *s) {
    buffer_free(&s->data);
    buffer_free(&s->failure);
    buffer_free(&s->kind);
    s->dispatched = false;
}

// Makes an event with an error field an error event, whose data is the field.
static void become_error(struct event_stream *s) {
    buffer_clear(&s->kind);
    buffer_add_text(&s->kind, text_of(EVENT_ERROR));
    buffer_free(&s->data);
    s->data = s->failure;
    s->failure = (struct buffer){0};
}

// Ends an event. A block without data that does not report an error is not an event.
static enum event_result dispatch(struct event_stream *s, struct event *e) {
    if (s->failure.length > 0)
        become_error(s);
    if (s->data.length == 0 && !text_is(buffer_text(&s->kind), EVENT_ERROR)) {
        clear(s);
        return EVENT_NONE;
    }
    if (s->data.length > 0)
        s->data.length--; // the last LF
    struct buffer repaired = {0};
    if (utf8_repair(buffer_text(&s->data), &repaired)) {
        buffer_free(&s->data);
        s->data = repaired;
    }
    s->dispatched = true;
    *e = (struct event){buffer_text(&s->kind), buffer_text(&s->data)};
    return EVENT_COMPLETE;
}

static enum event_result end_line(struct event_stream *s, struct text line, struct event *e) {
    if (!s->began) {
        s->began = true;
        if (line.length >= 3 && memcmp(line.bytes, "\xef\xbb\xbf", 3) == 0)
            line = (struct text){line.bytes + 3, line.length - 3};
    }
    if (line.length == 0)
        return dispatch(s, e);
    const char *colon = memchr(line.bytes, ':', line.length);
    size_t name_length = colon == NULL ? line.length : (size_t)(colon - line.bytes);
    struct text name = {line.bytes, name_length};
    size_t skipped = name_length + (colon != NULL);
    if (skipped < line.length && line.bytes[skipped] == ' ' && colon != NULL)
        skipped++;
    struct text value = {line.bytes + skipped, line.length - skipped};
    if (text_is(name, "data") || text_is(name, "error")) {
        struct buffer *lines = text_is(name, "data") ? &s->data : &s->failure;
        buffer_add_text(lines, value);
        buffer_add(lines, "\n", 1);
    } else if (text_is(name, "event")) {
        buffer_clear(&s->kind);
        buffer_add_text(&s->kind, value);
    }
    // Comments have an empty name. A relay does not need id and retry.
    return EVENT_NONE;
}

enum event_result event_stream_next(struct event_stream *s, struct text *input, struct event *e) {
    if (s->dispatched)
        clear(s);
    while (input->length > 0) {
        if (s->after_cr) {
            s->after_cr = false;
            if (input->bytes[0] == '\n') {
                input->bytes++;
                input->length--;
                continue;
            }
        }
        struct text line = {input->bytes, line_length(*input)};
        if (s->line.length + s->data.length + s->failure.length + line.length > EVENT_LIMIT)
            return EVENT_TOO_LARGE;
        bool ends = line.length < input->length && is_line_end(input->bytes[line.length]);
        if (!ends || s->line.length > 0)
            buffer_add_text(&s->line, line);
        if (!ends) {
            input->length = 0;
            return EVENT_NONE;
        }
        s->after_cr = input->bytes[line.length] == '\r';
        input->bytes += line.length + 1;
        input->length -= line.length + 1;
        if (s->line.length > 0)
            line = buffer_text(&s->line);
        enum event_result result = end_line(s, line, e);
        buffer_free(&s->line);
        if (result != EVENT_NONE)
            return result;
    }
    return EVENT_NONE;
}

enum event_result event_stream_flush(struct event_stream *s, struct event *e) {
    if (s->dispatched)
        clear(s);
    if (s->line.length > 0) {
        end_line(s, buffer_text(&s->line), e);
        buffer_free(&s->line);
    }
    return dispatch(s, e);
}

void event_stream_free(struct event_stream *s) {
    buffer_free(&s->line);
    clear(s);
}

// Returns the length of the first character, or 0 if it is invalid (RFC 3629).
static size_t character_length(const unsigned char *c, size_t left) {
    if (c[0] < 0x80)
        return 1;
    size_t length = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
    if (c[0] < 0xc2 || c[0] > 0xf4 || left < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    bool surrogate = c[0] == 0xed && c[1] > 0x9f;
    bool beyond = c[0] == 0xf4 && c[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

bool utf8_repair(struct text t, struct buffer *repaired) {
    size_t valid = 0, i = 0;
    bool broken = false, run = false;
    while (i < t.length) {
        size_t length = character_length((const unsigned char *)t.bytes + i, t.length - i);
        if (length > 0) {
            i += length;
            run = false;
            continue;
        }
        buffer_add(repaired, t.bytes + valid, i - valid);
        if (!run) // one U+FFFD replaces a run of invalid bytes
            buffer_add_text(repaired, TEXT("\xef\xbf\xbd"));
        broken = run = true;
        valid = ++i;
    }
    if (broken)
        buffer_add(repaired, t.bytes + valid, t.length - valid);
    return broken;
}
