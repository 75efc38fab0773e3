// The API's stream is a sequence of server-sent events, and this is the WHATWG parser for it
// (HTML, section 9.2.6), without any I/O: bytes in, events out. Reads may cut the stream
// anywhere, inside a character or between CR and LF, so whatever is unfinished is kept and
// nothing is judged but the byte stream.
//
// A line ends in LF, CR or CRLF. A CR ends its line at once, because waiting to see whether
// an LF follows would hold the event back until the next read; the LF is skipped when it
// comes. Text is decoded last, when an event is complete, so no character can be split.

#ifndef EVENT_STREAM_H
#define EVENT_STREAM_H

#include "buffer.h"

// What one event or one line may hold. The contract asks for events of 1 MiB; twice that
// leaves room for escapes and other fields, and is all that an endless line can cost.
#define EVENT_LIMIT ((size_t)2 << 20)

// The zero value is ready.
struct event_stream {
    struct buffer line; // the unfinished line
    struct buffer kind; // the event field
    struct buffer data; // the data lines so far, each followed by LF
    bool began;         // the byte order mark, if any, has been dealt with
    bool after_cr;      // an LF in the first place belongs to the line before
    bool dispatched;    // the event that was returned last has to be cleared away
};

// Both texts are the stream's, until the next call. The data is UTF-8.
struct event {
    struct text kind;
    struct text data;
};

enum event_result { EVENT_NONE, EVENT_COMPLETE, EVENT_TOO_LARGE };

// Reads on, up to the end of the next event; the input is moved past what was read.
// EVENT_NONE says that all of it was.
enum event_result event_stream_next(struct event_stream *s, struct text *input, struct event *e);
// The event that a clean end of the stream left without its closing blank line. WHATWG would
// discard it; a last event must not be lost in silence, and one that was cut short shows
// itself by being no JSON.
enum event_result event_stream_flush(struct event_stream *s, struct event *e);
void event_stream_free(struct event_stream *s);

// Replaces what is not UTF-8 by U+FFFD; false when there was nothing to replace.
bool utf8_repair(struct text t, struct buffer *repaired);

#endif
