// A chunk is one JSON message of the API's stream. The daemon parses what a relay needs: an
// error, the text, and which choices finish. Vendors differ in all other fields, so a field of
// an unexpected type counts as absent.

#ifndef CHUNK_H
#define CHUNK_H

#include "buffer.h"

#include <jansson.h>

enum format { FORMAT_SIMPLE, FORMAT_OPENAI };

// The choices of an answer, and whether each has finished. A finish_reason finishes its choice
// if it is a string that is not empty: Ollama and SGLang send an empty one with each delta. The
// zero value has no choices.
struct completion {
    struct choice {
        json_int_t index;
        bool finished;
    } * choices;
    size_t count;
    bool countless; // there are too many choices; only [DONE] ends the answer
};

// Parses the data of an event. Returns NULL unless it is a JSON object. Release it with
// json_decref.
json_t *chunk_read(struct text data);
// Reports whether the chunk reports an error. APIs do so in two ways: under the key `error`, as
// any JSON type, also next to choices; or as the whole object, which then has the error's own
// fields and no choices.
bool chunk_is_error(json_t *chunk);
// Adds the client's events for a chunk. False when a content is neither a string nor a list of
// text parts; only the simple format looks at it.
bool chunk_render(json_t *chunk, struct text data, enum format format, struct buffer *to);

void completion_note(struct completion *c, json_t *chunk);
// Reports whether the answer is complete: it has choices, and all are finished.
bool completion_reached(const struct completion *c);
void completion_free(struct completion *c);

#endif
