// The options and the environment, as the contract lists them for every daemon.

#ifndef CONFIG_H
#define CONFIG_H

#include "chunk.h"
#include "timer.h"

#include <sys/types.h>

struct config {
    const char *socket;
    mode_t socket_mode;
    size_t max_connections;
    enum format format;

    // Nanoseconds.
    int64_t handoff_timeout;
    int64_t connect_timeout;
    int64_t first_byte_timeout;
    int64_t idle_timeout;
    int64_t write_timeout;
    int64_t shutdown_timeout;

    // Of OPENAI_API_BASE.
    bool tls;
    char *host;      // as it is connected to: without the brackets of an IPv6 address
    char *authority; // as it stands in a request
    char port[6];
    char *path; // of completions

    char *api_key;
    const char *api_socket; // or NULL
    const char *ca_file;    // or NULL
    bool http2;
    bool insecure;
};

enum config_result { CONFIG_GOOD, CONFIG_HELP, CONFIG_BAD };

// Reads both. A mistake is told on stderr, help on stdout.
enum config_result config_read(struct config *c, int argc, char **argv);
void config_free(struct config *c);

#endif
