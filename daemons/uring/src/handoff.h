// A handoff is one message on a SEQPACKET socket: the data, and with it the descriptor of the
// client's socket. Whatever descriptors arrive are ours from the moment the message is
// received, so each of them is closed on every path but one.

#ifndef HANDOFF_H
#define HANDOFF_H

#include "buffer.h"
#include "ring.h"
#include "timer.h"

#include <sys/queue.h>

struct handoff {
    int client;
    struct text data; // lent: only until the call returns
    bool truncated;   // the message was larger than PAYLOAD_SIZE
};

// Takes over a peer that has connected, and calls `taken` if it hands a client over within
// the time. `gone` follows in any case.
void handoff_receive(int peer, int64_t timeout, void (*taken)(const struct handoff *h),
                     void (*gone)(void));
// The daemon is to stop: peers that have not sent yet have little time to.
void handoff_hurry(void);

#endif
