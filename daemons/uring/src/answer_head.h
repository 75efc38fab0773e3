// The parsed head of the API's answer, over either HTTP version.

#ifndef ANSWER_HEAD_H
#define ANSWER_HEAD_H

#include "buffer.h"

struct answer_head {
    int status;
    bool event_stream;    // the content type is text/event-stream
    bool encoded;         // the API used a content coding, which the request excludes
    char retry_after[64]; // seconds or a date; empty for any other value
};

// Parses one header into the head.
void answer_head_note(struct answer_head *head, struct text name, struct text value);

#endif
