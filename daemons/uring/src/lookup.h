// Names to addresses. The C library can only wait for an answer, so a thread of its own does
// that for each name, and hands the answer to the ring through a pipe. Addresses need none.

#ifndef LOOKUP_H
#define LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

// Begins to listen for answers; false when that cannot be.
bool lookup_setup(void);

// The addresses of a host that is one; NULL when it is a name. For freeaddrinfo().
struct addrinfo *lookup_numeric(const char *host, const char *port);

struct lookup;

// `found` is given the addresses, or NULL when there are none. NULL when the process can have
// no more threads. The strings must live as long as the process.
struct lookup *lookup_start(const char *host, const char *port,
                            void (*found)(void *owner, struct addrinfo *addresses), void *owner);
// Nobody waits for the answer any more.
void lookup_forget(struct lookup *l);

#endif
