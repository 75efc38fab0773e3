// The options and the environment. The contract lists them for every daemon.

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

    // All timeouts are in nanoseconds.
    int64_t handoff_timeout;
    int64_t connect_timeout;
    int64_t first_byte_timeout;
    int64_t idle_timeout;
    int64_t write_timeout;
    int64_t shutdown_timeout;

    // The parts of OPENAI_API_BASE.
    bool tls;
    char *host;      // for the connection: without the brackets of an IPv6 address
    char *authority; // for the request: host and port
    char port[6];
    char *path; // of chat completions

    char *api_key;
    const char *api_socket; // or NULL
    const char *ca_file;    // or NULL
    bool http2;
    bool insecure;
};

enum config_result { CONFIG_GOOD, CONFIG_HELP, CONFIG_BAD };

// Parses the options and the environment. Prints an error to stderr, and the help to stdout.
enum config_result config_read(struct config *c, int argc, char **argv);
void config_free(struct config *c);

#endif
