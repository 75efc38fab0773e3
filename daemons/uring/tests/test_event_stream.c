// Tests of the parser of server-sent events. Each stream is parsed in one piece, byte by byte, and
// in two pieces for each possible cut. The events must be the same each time.

#include "check.h"
#include "event_stream.h"

#include <stdlib.h>

static const struct {
    const char *about, *stream, *events; // [kind|data], or (kind|data) from the flush
} cases[] = {
    {"one", "data: a\n\n", "[|a]"},
    {"no space", "data:a\n\n", "[|a]"},
    {"only one space is removed", "data:  a \n\n", "[| a ]"},
    {"CR", "data: a\r\rdata: b\r\r", "[|a][|b]"},
    {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", "[|a][|b]"},
    {"mixed ends", "data: a\r\n\ndata: b\n\rdata: c\r\r\n", "[|a][|b][|c]"},
    {"several lines", "data: a\ndata\ndata: c\n\n", "[|a\n\nc]"},
    {"comments", ": x\n:\ndata: a\n: y\n\n: z\n\n", "[|a]"},
    {"kinds", "event: ping\ndata: a\n\ndata: b\n\n", "[ping|a][|b]"},
    {"the last kind counts", "event: a\nevent: b\ndata: c\n\n", "[b|c]"},
    {"a block without data does not name the next event", "event: ping\n\ndata: a\n\n", "[|a]"},
    {"ignored fields", "id: 1\nretry: 5\nfoo\ndata: a\n\n", "[|a]"},
    {"an error event without data", "event: error\n\ndata: a\n\n", "[error|][|a]"},
    {"an error event with empty data", "event: error\ndata:\n\n", "[error|]"},
    {"an error field", "error: {\"code\":5}\n\ndata: a\n\n", "[error|{\"code\":5}][|a]"},
    {"an error field before data", "error: a\nevent: x\ndata: [DONE]\n\n", "[error|a]"},
    {"an empty error field", "error\n\n", "[error|]"},
    {"an error field at the end", "data: a\n\nerror: b", "[|a](error|b)"},
    {"data without a colon is an empty line", "data\n\n", "[|]"},
    {"blank lines", "\n\n\ndata: a\n\n\n", "[|a]"},
    {"the first byte order mark",
     "\xef\xbb\xbf"
     "data: a\n\n",
     "[|a]"},
    {"only the first",
     "\xef\xbb\xbf"
     "data: a\n\n\xef\xbb\xbf"
     "data: b\n\n",
     "[|a]"},
    {"U+2028 and U+0085 are text",
     "data: a\xe2\x80\xa8"
     "b\xc2\x85"
     "c\n\n",
     "[|a\xe2\x80\xa8"
     "b\xc2\x85"
     "c]"},
    {"invalid bytes",
     "data: a\xff\xfe"
     "b\xe2\x82"
     "c\n\n",
     "[|a\xef\xbf\xbd"
     "b\xef\xbf\xbd"
     "c]"},
    {"surrogates and overlong forms", "data: \xed\xa0\x80x\xc0\xafy\n\n",
     "[|\xef\xbf\xbdx\xef\xbf\xbdy]"},
    {"an emoji", "data: \xf0\x9f\x98\x80\n\n", "[|\xf0\x9f\x98\x80]"},
    {"no blank line at the end", "data: a\n\ndata: b\n", "[|a](|b)"},
    {"no line end at the end", "data: a\n\ndata: b", "[|a](|b)"},
    {"an empty stream", "", ""},
};

static void add(struct buffer *to, char open, const struct event *e, char close) {
    buffer_print(to, "%c%.*s|%.*s%c", open, (int)e->kind.length, e->kind.bytes, (int)e->data.length,
                 e->data.bytes, close);
}

static void feed(struct event_stream *s, struct text input, struct buffer *to) {
    // A copy of exactly this size lets the sanitizer find a read beyond the end.
    char *copy = malloc(input.length + (input.length == 0));
    if (input.length > 0)
        memcpy(copy, input.bytes, input.length);
    struct text left = {copy, input.length};
    struct event e;
    enum event_result result;
    while ((result = event_stream_next(s, &left, &e)) == EVENT_COMPLETE)
        add(to, '[', &e, ']');
    if (result == EVENT_TOO_LARGE)
        buffer_add_text(to, TEXT("!"));
    free(copy);
}

static void flush(struct event_stream *s, struct buffer *to) {
    struct event e;
    if (event_stream_flush(s, &e) == EVENT_COMPLETE)
        add(to, '(', &e, ')');
    event_stream_free(s);
}

static void test_cuts(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text whole = text_of(cases[i].stream);
        for (size_t cut = 0; cut <= whole.length; cut++) {
            struct event_stream s = {0};
            struct buffer events = {0};
            feed(&s, (struct text){whole.bytes, cut}, &events);
            feed(&s, (struct text){whole.bytes + cut, whole.length - cut}, &events);
            flush(&s, &events);
            CHECK_TEXT(cases[i].about, buffer_text(&events), cases[i].events);
            buffer_free(&events);
        }
        struct event_stream s = {0};
        struct buffer events = {0};
        for (size_t at = 0; at < whole.length; at++)
            feed(&s, (struct text){whole.bytes + at, 1}, &events);
        flush(&s, &events);
        CHECK_TEXT(cases[i].about, buffer_text(&events), cases[i].events);
        buffer_free(&events);
    }
}

// A CR ends its line at once: the event does not wait for the next byte.
static void test_prompt(void) {
    struct event_stream s = {0};
    struct buffer events = {0};
    feed(&s, TEXT("data: a\r\r"), &events);
    CHECK_TEXT("before the LF", buffer_text(&events), "[|a]");
    feed(&s, TEXT("\ndata: b\n\n"), &events);
    CHECK_TEXT("the LF belongs to the previous line", buffer_text(&events), "[|a][|b]");
    event_stream_free(&s);
    buffer_free(&events);
}

static void test_bounds(void) {
    struct event_stream s = {0};
    struct buffer events = {0};
    char *line = malloc(EVENT_LIMIT);
    memset(line, 'x', EVENT_LIMIT);
    feed(&s, TEXT("data: "), &events);
    feed(&s, (struct text){line, EVENT_LIMIT - 6}, &events);
    CHECK_TEXT("the largest event", buffer_text(&events), "");
    feed(&s, TEXT("x"), &events);
    CHECK_TEXT("one byte more", buffer_text(&events), "!");
    event_stream_free(&s);
    buffer_free(&events);
    free(line);
}

int main(void) {
    test_cuts();
    test_prompt();
    test_bounds();
    return check_summary("event_stream");
}
