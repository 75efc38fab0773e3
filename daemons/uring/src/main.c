// Streaming-daemon is a relay between an OpenAI-compatible API and HTTP clients. A web server hands
// it a client's socket; the daemon calls the API and sends the tokens to the client as server-sent
// events. It has one thread and one ring.
//
// The path of a request through the files:
//
//   - listener.c accepts the web server.
//   - handoff.c receives the client's socket and the handoff data.
//   - payload.c builds the API's request.
//   - request.c sends it, over pool.c, transport.c, tls.c and http1.c or http2.c.
//   - event_stream.c and chunk.c parse the API's stream, and exchange.c relays it.
//   - problem.c renders errors, and client.c writes to the client.
//
// The one place that waits is ring.c. The README lists the daemon's duties.

#include "config.h"
#include "listener.h"
#include "log.h"
#include "lookup.h"
#include "pool.h"
#include "ring.h"
#include "server.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

// Buffers above this size have their own mapping. So the memory of a burst of large requests goes
// back to the system.
enum { MAPPED_ALONE = 128 << 10 };

static bool run(const struct config *c) {
    mallopt(M_MMAP_THRESHOLD, MAPPED_ALONE);
    log_hide(c->api_key);
    server_block_signals();
    if (!ring_open() || (c->tls && !tls_setup(c)))
        return false;
    http1_setup(c);
    http2_setup(c);
    request_setup(c);
    pool_setup(c);
    if (!lookup_setup()) {
        perror("streaming-daemon: pipe");
        return false;
    }
    if (!listener_open(c->socket, c->socket_mode) || !server_start(c))
        return false;
    log_info("ready on %s, for the API at %s", c->socket,
             c->api_socket != NULL ? c->api_socket : c->authority);
    ring_run();
    return true;
}

int main(int argc, char **argv) {
    struct config c;
    switch (config_read(&c, argc, argv)) {
    case CONFIG_HELP:
        return 0;
    case CONFIG_BAD:
        return 2;
    case CONFIG_GOOD:
        break;
    }
    bool good = run(&c);
    config_free(&c);
    return good ? 0 : 1;
}
