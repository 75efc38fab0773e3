// A handoff is one message on a SEQPACKET socket: the handoff data, and the descriptor of the
// client's socket. The daemon owns every descriptor that it receives, so each code path except
// success closes all of them.

#ifndef HANDOFF_H
#define HANDOFF_H

#include "buffer.h"
#include "ring.h"
#include "timer.h"

#include <sys/queue.h>

struct handoff {
    int client;
    struct text data; // valid until the callback returns
    bool truncated;   // the message was larger than PAYLOAD_SIZE
};

// Takes ownership of a connected peer. Calls `handed` if the peer hands over a client before the
// timeout. Always calls `gone` after that.
void handoff_receive(int peer, int64_t timeout, void (*handed)(const struct handoff *h),
                     void (*gone)(void));
// Shortens the timeout of all peers that have not yet sent, because the daemon stops.
void handoff_hurry(void);

#endif
