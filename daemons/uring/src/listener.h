// The daemon's socket: bound over nobody who lives, drained without losing anybody, removed
// only while it is ours.

#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

// False after telling why not.
bool listener_open(const char *path, mode_t mode);
// Gives every peer that connects to the function, and its descriptor with it. False after
// telling why that cannot be.
bool listener_serve(void (*accepted)(int peer));
// Turns newcomers away, and gives all who are in the queue.
void listener_drain(void);

#endif
