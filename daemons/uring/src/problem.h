// A problem is a failure in the words that the client is given: in an error response the
// body, in a stream that has begun the last event. All that the daemon says of itself to a
// client is rendered here, so that nothing else needs to know where a line must not end.

#ifndef PROBLEM_H
#define PROBLEM_H

#include "buffer.h"

// Zero, or made by one of the functions here and given up by problem_free.
struct problem {
    int status; // of an error response
    char *message;
    char *type;
    char *code; // as JSON: a string, a number or null
    char *retry_after;
};

// The daemon's own types of error, beside those that the API names.
#define INVALID_REQUEST "invalid_request_error"
#define UPSTREAM_ERROR "upstream_error"
#define TIMEOUT_ERROR "timeout_error"
#define OVERLOADED "overloaded_error"

struct problem problem_of(int status, const char *type, const char *code, const char *message);
// The error that the API sent in place of an answer, in its field `error`, an object or a
// text, or as the object itself; false when there is none.
bool problem_read(struct text data, struct problem *p);
void problem_free(struct problem *p);

// The last event of a stream.
void problem_event(const struct problem *p, struct buffer *to);
// A whole response. The extra headers are lines with their ends, as below.
void problem_response(const struct problem *p, struct text extra, struct buffer *to);
// The head of an answer that streams.
void stream_head(struct text extra, struct buffer *to);

#endif
