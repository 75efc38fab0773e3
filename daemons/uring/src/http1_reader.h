// Reading one HTTP/1.1 response (RFC 9112), without any I/O: bytes in, pieces out. The caller
// asks for the next piece until there is none, and says when the connection has ended.
//
// It is strict: what is framed in two ways, or in none that it knows, is broken, and nothing
// behind a mistake is believed. Nothing is held back: the bytes of a body are a piece as soon
// as they are there, whatever of the coding around them is still to come.

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

// The zero value is ready.
struct http1_reader {
    enum http1_state state;
    struct buffer line; // the unfinished line
    struct answer_head head;
    size_t head_bytes; // of all heads so far, and then of the trailers
    uint64_t left;     // of the body or the chunk
    bool has_length, chunked, persistent;
};

enum http1_piece { HTTP1_MORE, HTTP1_HEAD, HTTP1_BODY, HTTP1_COMPLETE, HTTP1_BROKEN };

// The input is moved past what was read. HTTP1_BODY sets the body, which is part of the
// input; HTTP1_HEAD says that `head` is final.
enum http1_piece http1_read(struct http1_reader *r, struct text *input, struct text *body);
// What the end of the connection makes of the response: HTTP1_COMPLETE or HTTP1_BROKEN.
enum http1_piece http1_end(struct http1_reader *r);
// Whether another request can be sent behind this complete response.
bool http1_reusable(const struct http1_reader *r);
void http1_reader_free(struct http1_reader *r);

#endif
