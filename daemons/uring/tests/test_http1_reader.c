// Tests of the parser of HTTP/1.1 responses. Each response is parsed in one piece, byte by byte,
// and in two pieces for each possible cut. The result must be the same each time.

#include "check.h"
#include "http1_reader.h"

#include <stdlib.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

// The result as text: the status, S for an event stream, E for an encoded one; the body in
// brackets; `.` for a complete response, + for a reusable connection, ! for a broken response, and
// ? if the response has not ended before the connection ends.
static const struct {
    const char *about, *response, *pieces;
} cases[] = {
    {"length", OK "Content-Length: 3\r\n\r\nabc", "200S[abc].+"},
    {"no body", OK "Content-Length: 0\r\n\r\n", "200S[].+"},
    {"a body shorter than its length", OK "Content-Length: 4\r\n\r\nabc", "200S[abc]?!"},
    {"the same length twice", OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "200S[a].+"},
    {"two lengths", OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", "!"},
    {"a length with a sign", OK "Content-Length: +1\r\n\r\na", "!"},
    {"an empty length", OK "Content-Length:\r\n\r\na", "!"},
    {"a length of 64 bits", OK "Content-Length: 18446744073709551617\r\n\r\na", "!"},
    {"until close", OK "\r\nabc", "200S[abc]?."},
    {"close", OK "Connection: keep-alive, Close\r\nContent-Length: 1\r\n\r\na", "200S[a]."},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "200[a]."},
    {"no reason", "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\na", "404[a].+"},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", "204[].+"},
    {"content type", "HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream ; charset=x\r\n\r\n",
     "200S[]?."},
    {"another", "HTTP/1.1 200 OK\r\ncontent-type: text/event-streams\r\n\r\n", "200[]?."},
    {"encoded", OK "Content-Encoding: gzip\r\n\r\n", "200SE[]?."},
    {"identity", OK "Content-Encoding: identity\r\n\r\n", "200S[]?."},

    {"chunks", CHUNKED "3\r\nabc\r\n2;a=\"b;c\"\r\nde\r\n0\r\n\r\n", "200S[abcde].+"},
    {"sizes in any spelling", CHUNKED "000A\r\n0123456789\r\n0a \r\n0123456789\r\n000\r\n\r\n",
     "200S[01234567890123456789].+"},
    {"trailers", CHUNKED "1\r\na\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n", "200S[a].+"},
    {"chunks and a length",
     OK "Content-Length: 9\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n"
        "0\r\n\r\n",
     "200S[a]."},
    {"no last chunk", CHUNKED "1\r\na\r\n", "200S[a]?!"},
    {"half a last chunk", CHUNKED "1\r\na\r\n0\r\n", "200S[a]?!"},
    {"an empty size", CHUNKED "\r\na\r\n", "200S[]!"},
    {"a size that is not a number", CHUNKED "x\r\na\r\n", "200S[]!"},
    {"junk after the size", CHUNKED "1x\r\na\r\n", "200S[]!"},
    {"a prefix", CHUNKED "0x1\r\na\r\n", "200S[]!"},
    {"a sign", CHUNKED "+1\r\na\r\n", "200S[]!"},
    {"a size of 65 bits", CHUNKED "10000000000000001\r\na\r\n", "200S[]!"},
    {"a bare LF after the size", CHUNKED "1\na\r\n", "200S[]!"},
    {"a bare LF after the data", CHUNKED "1\r\na\n0\r\n\r\n", "200S[a]!"},
    {"junk instead of a line end", CHUNKED "1\r\naXX0\r\n\r\n", "200S[a]!"},
    {"an unknown coding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "!"},
    {"chunked twice", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "!"},

    {"hints",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nContent-Type: text/html\r\n"
     "Content-Length: 3\r\n\r\n" OK "\r\nabc",
     "200S[abc]?."},
    {"another protocol", "HTTP/1.1 101 Switching\r\n\r\n", "!"},
    {"not HTTP", "ICY 200 OK\r\n\r\n", "!"},
    {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", "!"},
    {"no status", "HTTP/1.1 OK\r\n\r\n", "!"},
    {"a letter in the status", "HTTP/1.1 20x OK\r\n\r\n", "!"},
    {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "!"},
    {"no colon", "HTTP/1.1 200 OK\r\nContent-Type text/html\r\n\r\n", "!"},
    {"a space in a name", "HTTP/1.1 200 OK\r\nContent Type: text/html\r\n\r\n", "!"},
    {"a space after a name", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", "!"},
    {"a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "!"},
    {"a bare LF in the head", "HTTP/1.1 200 OK\nA: b\r\n\r\n", "!"},
    {"a CR in a value", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "!"},
    {"events without a head", "data: {}\n\n", "!"},
    {"half a head", "HTTP/1.1 200 OK\r\nContent-Ty", "?!"},
    {"an empty response", "", "?!"},
};

struct run {
    struct http1_reader reader;
    struct buffer pieces, body;
    bool headed, over;
};

static void end_body(struct run *r) {
    if (!r->headed)
        return;
    buffer_print(&r->pieces, "[%.*s]", (int)r->body.length, r->body.bytes);
    r->headed = false;
}

static void note(struct run *r, enum http1_piece piece, struct text body) {
    const struct answer_head *head = &r->reader.head;
    switch (piece) {
    case HTTP1_HEAD:
        buffer_print(&r->pieces, "%d%s%s", head->status, head->event_stream ? "S" : "",
                     head->encoded ? "E" : "");
        r->headed = true;
        break;
    case HTTP1_BODY:
        buffer_add_text(&r->body, body);
        break;
    case HTTP1_COMPLETE:
    case HTTP1_BROKEN:
        end_body(r);
        buffer_print(&r->pieces, "%s%s", piece == HTTP1_COMPLETE ? "." : "!",
                     http1_reusable(&r->reader) ? "+" : "");
        r->over = true;
        break;
    case HTTP1_MORE:
        break;
    }
}

static void feed(struct run *r, struct text input) {
    char *copy = malloc(input.length + (input.length == 0));
    if (input.length > 0)
        memcpy(copy, input.bytes, input.length);
    struct text left = {copy, input.length}, body = {0};
    enum http1_piece piece = HTTP1_BODY;
    while (piece != HTTP1_MORE && !r->over) {
        piece = http1_read(&r->reader, &left, &body);
        note(r, piece, body);
    }
    free(copy);
}

static void end(struct run *r, const char *about, const char *expected) {
    if (!r->over) {
        end_body(r);
        buffer_add_text(&r->pieces, TEXT("?"));
        note(r, http1_end(&r->reader), (struct text){0});
    }
    CHECK_TEXT(about, buffer_text(&r->pieces), expected);
    http1_reader_free(&r->reader);
    buffer_free(&r->pieces);
    buffer_free(&r->body);
}

// Proxies send heads of many KiB, with policies and cookies.
static void test_large_head(void) {
    struct buffer response = {0};
    buffer_add_text(&response, TEXT(OK "Set-Cookie: "));
    for (int i = 0; i < 16 << 10; i++)
        buffer_add(&response, "x", 1);
    buffer_add_text(&response, TEXT("\r\nContent-Length: 1\r\n\r\na"));
    struct run r = {0};
    feed(&r, buffer_text(&response));
    end(&r, "a head of 16 KiB", "200S[a].+");
    buffer_free(&response);
}

int main(void) {
    test_large_head();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text whole = text_of(cases[i].response);
        for (size_t cut = 0; cut <= whole.length; cut++) {
            struct run r = {0};
            feed(&r, (struct text){whole.bytes, cut});
            feed(&r, (struct text){whole.bytes + cut, whole.length - cut});
            end(&r, cases[i].about, cases[i].pieces);
        }
        struct run r = {0};
        for (size_t at = 0; at < whole.length; at++)
            feed(&r, (struct text){whole.bytes + at, 1});
        end(&r, cases[i].about, cases[i].pieces);
    }
    return check_summary("http1_reader");
}
