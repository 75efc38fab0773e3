// The server takes handoffs, holds the exchanges, and ends when it is told to.

#ifndef SERVER_H
#define SERVER_H

#include "config.h"

#include <stdbool.h>

// Begins to serve the listener, and to listen for signals. Both were set up before, by
// listener_open and server_block_signals.
bool server_start(const struct config *c);
// Before any thread is started.
void server_block_signals(void);

#endif
