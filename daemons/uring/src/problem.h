// A problem is a failure as the client receives it: the body of an error response, or the last
// event of a stream that has begun. This module renders all heads and errors for a client. So only
// this module must prevent line ends inside of them.

#ifndef PROBLEM_H
#define PROBLEM_H

#include "buffer.h"

// A zero value, or the result of a function below. Release it with problem_free.
struct problem {
    int status; // the HTTP status of an error response
    char *message;
    char *type;
    char *code; // as JSON: a string, a number or null
    char *retry_after;
};

// The daemon's own error types. The API's errors keep their types.
#define INVALID_REQUEST "invalid_request_error"
#define UPSTREAM_ERROR "upstream_error"
#define TIMEOUT_ERROR "timeout_error"
#define OVERLOADED "overloaded_error"

struct problem problem_of(int status, const char *type, const char *code, const char *message);
// Parses an error that the API sent instead of an answer: the value of the field `error`, an object
// or a text, or the whole object. False if the data is not an error.
bool problem_read(struct text data, struct problem *p);
// Returns the problem for an event that reports an error. The message is the API's own where the
// data, without white space around it, has one.
struct problem problem_reported(struct text data);
void problem_free(struct problem *p);

// Adds the problem as the last event of a stream.
void problem_event(const struct problem *p, struct buffer *to);
// Adds the problem as a complete response. The extra headers are lines with their ends, as below.
void problem_response(const struct problem *p, struct text extra, struct buffer *to);
// Adds the head of a streamed answer.
void stream_head(struct text extra, struct buffer *to);

#endif
