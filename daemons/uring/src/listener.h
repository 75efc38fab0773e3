// The listener is the Unix socket on which handoffs arrive. It does not replace a live daemon's
// socket, does not lose a queued peer, and removes only its own socket file.

#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

// Binds the path. Prints an error and returns false on failure.
bool listener_open(const char *path, mode_t mode);
// Passes the descriptor of each connecting peer, with its ownership, to the function. Prints an
// error and returns false on failure.
bool listener_serve(void (*accepted)(int peer));
// Refuses new peers, and accepts all queued ones.
void listener_drain(void);

#endif
