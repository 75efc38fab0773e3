// The payload parser builds the API's request from the handoff data. It checks the types of the
// fields that the contract names. All values keep the JSON text that arrived.

#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "buffer.h"

// The request that one handoff makes.
struct job {
    struct buffer body;    // the body of the API's request
    struct buffer pattern; // for X-Test-Pattern; may be empty
    struct buffer id;      // for X-Request-Id; may be empty
    struct buffer headers; // the response headers, as lines
};

// Parses the handoff data. False for invalid data, with an error text for the client in `reason`.
// Release the text with free(). The headers are set also then, if they are valid.
bool payload_read(struct text data, struct job *job, char **reason);
void job_free(struct job *job);

#endif
