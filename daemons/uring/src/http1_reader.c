#include "http1_reader.h"

#include <string.h>

// The limits in bytes. The first one is for a response's heads, with informational ones, and for
// its trailers. The second one is for a line of the chunked coding, which extensions may make long.
enum { HEAD_LIMIT = 256 << 10, CHUNK_LINE_LIMIT = 16 << 10 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static enum http1_piece fail(struct http1_reader *r) {
    r->state = HTTP1_FAILED;
    buffer_free(&r->line);
    return HTTP1_BROKEN;
}

enum line_result { LINE_MORE, LINE_COMPLETE, LINE_BAD };

// Parses one line, which must end in CRLF. The returned line is without the CRLF, and valid until
// the next call.
static enum line_result take_line(struct http1_reader *r, struct text *input, size_t limit,
                                  struct text *line) {
    if (r->line.length > 0 && r->line.bytes[r->line.length - 1] == '\n')
        buffer_free(&r->line); // the previous line
    const char *lf = input->length > 0 ? memchr(input->bytes, '\n', input->length) : NULL;
    size_t length = lf == NULL ? input->length : (size_t)(lf - input->bytes) + 1;
    if (r->line.length + length > limit)
        return LINE_BAD;
    buffer_add(&r->line, input->bytes, length);
    input->bytes += length;
    input->length -= length;
    if (lf == NULL)
        return LINE_MORE;
    if (r->line.length < 2 || r->line.bytes[r->line.length - 2] != '\r')
        return LINE_BAD;
    *line = (struct text){r->line.bytes, r->line.length - 2};
    return memchr(line->bytes, '\r', line->length) == NULL ? LINE_COMPLETE : LINE_BAD;
}

static bool read_status_line(struct http1_reader *r, struct text line) {
    const char *c = line.bytes;
    if (line.length < 12 || memcmp(c, "HTTP/1.", 7) != 0 || !is_digit(c[7]) || c[8] != ' ' ||
        !is_digit(c[9]) || !is_digit(c[10]) || !is_digit(c[11]) ||
        (line.length > 12 && c[12] != ' '))
        return false;
    r->head = (struct answer_head){.status = 100 * (c[9] - '0') + 10 * (c[10] - '0') + c[11] - '0'};
    r->persistent = c[7] != '0';
    r->has_length = r->chunked = false;
    return r->head.status >= 100;
}

static bool read_length(struct http1_reader *r, struct text value) {
    uint64_t length = 0;
    if (value.length == 0 || value.length > 18)
        return false;
    for (size_t i = 0; i < value.length; i++) {
        if (!is_digit(value.bytes[i]))
            return false;
        length = 10 * length + (uint64_t)(value.bytes[i] - '0');
    }
    if (r->has_length && r->left != length)
        return false;
    r->has_length = true;
    r->left = length;
    return true;
}

static bool is_token_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool lists(struct text value, const char *word) {
    while (value.length > 0) {
        const char *comma = memchr(value.bytes, ',', value.length);
        size_t length = comma == NULL ? value.length : (size_t)(comma - value.bytes);
        if (text_is_like(text_trim((struct text){value.bytes, length}), word))
            return true;
        length += comma != NULL;
        value = (struct text){value.bytes + length, value.length - length};
    }
    return false;
}

static bool read_header(struct http1_reader *r, struct text line) {
    const char *colon = memchr(line.bytes, ':', line.length);
    struct text name = {line.bytes, colon == NULL ? 0 : (size_t)(colon - line.bytes)};
    if (name.length == 0)
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (!is_token_char(name.bytes[i]))
            return false;
    struct text value = {colon + 1, line.length - name.length - 1};
    value = text_trim(value);
    for (size_t i = 0; i < value.length; i++)
        if (((unsigned char)value.bytes[i] < 0x20 && value.bytes[i] != '\t') ||
            value.bytes[i] == 0x7f)
            return false;
    if (text_is_like(name, "content-length"))
        return read_length(r, value);
    if (text_is_like(name, "transfer-encoding")) {
        bool first = !r->chunked;
        r->chunked = true;
        return first && text_is_like(value, "chunked");
    }
    if (text_is_like(name, "connection") && lists(value, "close"))
        r->persistent = false;
    answer_head_note(&r->head, name, value);
    return true;
}

// Finds the framing of the body (RFC 9112, section 6.3).
static enum http1_piece end_head(struct http1_reader *r) {
    int status = r->head.status;
    if (status == 101)
        return fail(r); // the daemon never asks for another protocol
    if (status < 200) {
        r->state = HTTP1_STATUS_LINE;
        return HTTP1_MORE;
    }
    if (r->chunked && r->has_length)
        r->persistent = false; // the chunks count; close the connection, which may be out of step
    if (status == 204 || status == 304) {
        r->state = HTTP1_DONE;
    } else if (r->chunked) {
        r->state = HTTP1_CHUNK_SIZE;
    } else if (r->has_length) {
        r->state = r->left > 0 ? HTTP1_LENGTH : HTTP1_DONE;
    } else {
        r->state = HTTP1_UNTIL_CLOSE;
        r->persistent = false;
    }
    buffer_free(&r->line);
    r->head_bytes = 0;
    return HTTP1_HEAD;
}

static enum http1_piece read_head(struct http1_reader *r, struct text *input) {
    struct text line;
    size_t before = input->length;
    enum line_result result = take_line(r, input, HEAD_LIMIT, &line);
    r->head_bytes += before - input->length;
    if (result == LINE_BAD || r->head_bytes > HEAD_LIMIT)
        return fail(r);
    if (result == LINE_MORE) {
        // Refuse a line that cannot become a status line early: it may never end.
        size_t length = r->line.length < 7 ? r->line.length : 7;
        bool hopeless = r->state == HTTP1_STATUS_LINE && length > 0 &&
                        memcmp(r->line.bytes, "HTTP/1.", length) != 0;
        return hopeless ? fail(r) : HTTP1_MORE;
    }
    if (r->state == HTTP1_STATUS_LINE) {
        if (!read_status_line(r, line))
            return fail(r);
        r->state = HTTP1_HEADERS;
        return HTTP1_MORE;
    }
    if (line.length == 0)
        return end_head(r);
    return read_header(r, line) ? HTTP1_MORE : fail(r);
}

static int hex_digit(char c) {
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static enum http1_piece read_chunk_size(struct http1_reader *r, struct text *input) {
    struct text line;
    enum line_result result = take_line(r, input, CHUNK_LINE_LIMIT, &line);
    if (result != LINE_COMPLETE)
        return result == LINE_BAD ? fail(r) : HTTP1_MORE;
    const char *semicolon = memchr(line.bytes, ';', line.length);
    if (semicolon != NULL) // ignore extensions
        line.length = (size_t)(semicolon - line.bytes);
    while (line.length > 0 &&
           (line.bytes[line.length - 1] == ' ' || line.bytes[line.length - 1] == '\t'))
        line.length--;
    if (line.length == 0)
        return fail(r);
    r->left = 0;
    for (size_t i = 0; i < line.length; i++) {
        int digit = hex_digit(line.bytes[i]);
        if (digit < 0 || r->left >> 59 != 0)
            return fail(r);
        r->left = 16 * r->left + (uint64_t)digit;
    }
    r->state = r->left > 0 ? HTTP1_CHUNK_DATA : HTTP1_TRAILERS;
    return HTTP1_MORE;
}

static enum http1_piece read_chunk_end(struct http1_reader *r, struct text *input) {
    struct text line;
    enum line_result result = take_line(r, input, 2, &line);
    // A byte other than CR is an error at once, before an LF arrives.
    if (result == LINE_BAD ||
        (result == LINE_MORE && r->line.length > 0 && r->line.bytes[0] != '\r'))
        return fail(r);
    if (result == LINE_COMPLETE)
        r->state = HTTP1_CHUNK_SIZE;
    return HTTP1_MORE;
}

static enum http1_piece read_trailer(struct http1_reader *r, struct text *input) {
    struct text line;
    size_t before = input->length;
    enum line_result result = take_line(r, input, HEAD_LIMIT, &line);
    r->head_bytes += before - input->length;
    if (result == LINE_BAD || r->head_bytes > HEAD_LIMIT)
        return fail(r);
    if (result == LINE_COMPLETE && line.length == 0) {
        r->state = HTTP1_DONE;
        buffer_free(&r->line);
    }
    return HTTP1_MORE;
}

static enum http1_piece read_body(struct http1_reader *r, struct text *input, struct text *body) {
    *body = *input;
    if (r->state != HTTP1_UNTIL_CLOSE) {
        if (body->length > r->left)
            body->length = (size_t)r->left;
        r->left -= body->length;
        if (r->left == 0)
            r->state = r->state == HTTP1_LENGTH ? HTTP1_DONE : HTTP1_CHUNK_END;
    }
    input->bytes += body->length;
    input->length -= body->length;
    return HTTP1_BODY;
}

enum http1_piece http1_read(struct http1_reader *r, struct text *input, struct text *body) {
    for (;;) {
        if (r->state == HTTP1_DONE)
            return HTTP1_COMPLETE;
        if (r->state == HTTP1_FAILED)
            return HTTP1_BROKEN;
        if (input->length == 0)
            return HTTP1_MORE;
        enum http1_piece piece = HTTP1_MORE;
        switch (r->state) {
        case HTTP1_STATUS_LINE:
        case HTTP1_HEADERS:
            piece = read_head(r, input);
            break;
        case HTTP1_CHUNK_SIZE:
            piece = read_chunk_size(r, input);
            break;
        case HTTP1_CHUNK_END:
            piece = read_chunk_end(r, input);
            break;
        case HTTP1_TRAILERS:
            piece = read_trailer(r, input);
            break;
        default:
            piece = read_body(r, input, body);
            break;
        }
        if (piece != HTTP1_MORE)
            return piece;
    }
}

enum http1_piece http1_end(struct http1_reader *r) {
    if (r->state == HTTP1_UNTIL_CLOSE)
        r->state = HTTP1_DONE;
    return r->state == HTTP1_DONE ? HTTP1_COMPLETE : fail(r);
}

bool http1_reusable(const struct http1_reader *r) {
    return r->state == HTTP1_DONE && r->persistent;
}

void http1_reader_free(struct http1_reader *r) {
    buffer_free(&r->line);
}
