// A chunk is one message of the API's stream, read as far as relaying needs: is it an error,
// which text does it hold, which choices does it finish. Vendors differ in all the rest, so a
// field of a surprising type is taken for absent.

#ifndef CHUNK_H
#define CHUNK_H

#include "buffer.h"

#include <jansson.h>

enum format { FORMAT_SIMPLE, FORMAT_OPENAI };

// Which choices were seen, and whether each has finished. The zero value has seen none.
struct completion {
    struct choice {
        json_int_t index;
        bool finished;
    } * choices;
    size_t count;
    bool countless; // more than anybody asks for: only [DONE] ends such an answer
};

// The chunk, for json_decref; NULL when the data is no JSON object.
json_t *chunk_read(struct text data);
// Whether it reports an error in place of a piece of answer.
bool chunk_is_error(json_t *chunk);
// Adds what the client is told of it, as events. False when its text cannot be told.
bool chunk_render(json_t *chunk, struct text data, enum format format, struct buffer *to);

void completion_note(struct completion *c, json_t *chunk);
// Whether the answer is whole: there were choices, and all are done.
bool completion_reached(const struct completion *c);
void completion_free(struct completion *c);

#endif
