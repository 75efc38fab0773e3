// What the daemon needs of the head of the API's answer, however it came.

#ifndef ANSWER_HEAD_H
#define ANSWER_HEAD_H

#include "buffer.h"

struct answer_head {
    int status;
    bool event_stream;    // the content type says so
    bool encoded;         // there is a content coding, though none was asked for
    char retry_after[64]; // empty unless it is one of the two that HTTP knows
};

// Takes note of one header.
void answer_head_note(struct answer_head *head, struct text name, struct text value);

#endif
