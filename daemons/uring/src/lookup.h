// A name lookup converts a host name to addresses. The C library's call blocks, so each lookup
// runs on its own thread. The thread sends the answer to the ring through a pipe. A numeric address
// needs no lookup.

#ifndef LOOKUP_H
#define LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

// Begins to read answers from the pipe. False on failure.
bool lookup_setup(void);

// Returns the address of a numeric host, or NULL for a name. Release it with
// freeaddrinfo().
struct addrinfo *lookup_numeric(const char *host, const char *port);

struct lookup;

// Starts a lookup. It calls `resolved` with the addresses, or with NULL if there are none. Returns
// NULL if no thread can start. The strings must stay valid for the life of the process.
struct lookup *lookup_start(const char *host, const char *port,
                            void (*resolved)(void *owner, struct addrinfo *addresses), void *owner);
// Discards the answer when it arrives.
void lookup_forget(struct lookup *l);

#endif
