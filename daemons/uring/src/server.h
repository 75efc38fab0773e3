// The server receives handoffs, runs the exchanges, and ends after a signal.

#ifndef SERVER_H
#define SERVER_H

#include "config.h"

#include <stdbool.h>

// Begins to serve the listener and to read signals. Call listener_open and server_block_signals
// before it.
bool server_start(const struct config *c);
// Blocks the signals. Call it before any thread starts.
void server_block_signals(void);

#endif
