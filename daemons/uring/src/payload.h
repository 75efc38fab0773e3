// The handoff data becomes a request to the API without being understood more than is
// needed: every value keeps the JSON text it arrived in. What is checked is the types of the
// fields that the contract names.

#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "buffer.h"

// What one handoff asks for.
struct job {
    struct buffer body;    // the API's request
    struct buffer pattern; // for X-Test-Pattern, if any
    struct buffer id;      // for X-Request-Id, if any
    struct buffer headers; // the response headers asked for, as lines
};

// Reads the handoff data. False with a reason to tell the client, which is for free(); the
// headers are read even then, where they can be.
bool payload_read(struct text data, struct job *job, char **reason);
void job_free(struct job *job);

#endif
