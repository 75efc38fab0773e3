// The API's stream is a sequence of server-sent events. This is the WHATWG parser for it (HTML,
// section 9.2.6), without I/O: bytes in, events out. A read may cut the stream anywhere, also
// inside a character or between CR and LF. So the parser keeps the unfinished part until the
// next read.
//
// A line ends in LF, CR or CRLF. A CR ends its line at once: waiting for an LF would hold the
// event back until the next read. The parser skips that LF when it arrives. It decodes the text
// last, when the event is complete, and so never splits a character.
//
// The parser differs from WHATWG in one point. Some APIs report a failure in a field named
// `error` (llama.cpp), or in an `event: error` without data, and then send [DONE]. WHATWG ignores
// both. This parser dispatches both as error events, so that a failure does not become an empty
// success.

#ifndef EVENT_STREAM_H
#define EVENT_STREAM_H

#include "buffer.h"

// The largest size of an event or a line. The contract requires events of 1 MiB. Twice that leaves
// room for escapes and further fields, and bounds the memory that an endless line can take.
#define EVENT_LIMIT ((size_t)2 << 20)

// The kind of an event that reports a failure.
#define EVENT_ERROR "error"

// The parser's state. The zero value is ready to use.
struct event_stream {
    struct buffer line;    // the unfinished line
    struct buffer kind;    // the event field
    struct buffer data;    // the data lines so far, each followed by LF
    struct buffer failure; // the error lines so far, each followed by LF
    bool began;            // the first line, where a byte order mark may be, is over
    bool after_cr;         // the previous byte was a CR; an LF now belongs to its line
    bool dispatched;       // the next call must clear the returned event
};

// An event. Both texts stay valid until the next call. The data is UTF-8.
struct event {
    struct text kind;
    struct text data;
};

enum event_result { EVENT_NONE, EVENT_COMPLETE, EVENT_TOO_LARGE };

// Parses the input up to the end of the next event, and moves the input past it. With EVENT_NONE
// the whole input was parsed.
enum event_result event_stream_next(struct event_stream *s, struct text *input, struct event *e);
// Returns the last event when the stream ended cleanly without a blank line. WHATWG discards that
// event. A relay must not lose it; if the API cut it short, its JSON is invalid and the stream
// fails.
enum event_result event_stream_flush(struct event_stream *s, struct event *e);
void event_stream_free(struct event_stream *s);

// Adds the text to `repaired` with U+FFFD for invalid UTF-8. False if the whole text is valid.
bool utf8_repair(struct text t, struct buffer *repaired);

#endif
