// A parser for one HTTP/1.1 response (RFC 9112), without I/O: bytes in, pieces out. The caller
// asks for the next piece until the input is used up, and reports the end of the connection.
//
// The parser is strict: a response with two framings, or an unknown one, is broken, and so is
// everything after an error. It returns the bytes of a body as soon as they arrive, whatever
// part of the coding around them is missing.

#ifndef HTTP1_READER_H
#define HTTP1_READER_H

#include "answer_head.h"

#include <stdint.h>

enum http1_state {
    HTTP1_STATUS_LINE,
    HTTP1_HEADERS,
    HTTP1_LENGTH, // a body of `left` more bytes
    HTTP1_CHUNK_SIZE,
    HTTP1_CHUNK_DATA,
    HTTP1_CHUNK_END,
    HTTP1_TRAILERS,
    HTTP1_UNTIL_CLOSE,
    HTTP1_DONE,
    HTTP1_FAILED,
};

// The parser's state. The zero value is ready to use.
struct http1_reader {
    enum http1_state state;
    struct buffer line; // the unfinished line
    struct answer_head head;
    size_t head_bytes; // the size of all heads so far, and later of the trailers
    uint64_t left;     // the unread bytes of the body or the chunk
    bool has_length, chunked, persistent;
};

enum http1_piece { HTTP1_MORE, HTTP1_HEAD, HTTP1_BODY, HTTP1_COMPLETE, HTTP1_BROKEN };

// Parses the next piece, and moves the input past it. HTTP1_BODY sets the body, which is part of
// the input. With HTTP1_HEAD `head` is final.
enum http1_piece http1_read(struct http1_reader *r, struct text *input, struct text *body);
// Handles the end of the connection. Returns HTTP1_COMPLETE or HTTP1_BROKEN.
enum http1_piece http1_end(struct http1_reader *r);
// Reports whether the connection can carry another request after this complete response.
bool http1_reusable(const struct http1_reader *r);
void http1_reader_free(struct http1_reader *r);

#endif
