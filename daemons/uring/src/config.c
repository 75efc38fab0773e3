#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

static const char help[] =
    "Usage: streaming-daemon --socket PATH [options]\n"
    "\n"
    "  --socket PATH             listen for handoffs on this path\n"
    "  --socket-mode OCTAL       permissions of the socket (default 0660)\n"
    "  --max-connections N       hold at most this many clients (default 10000)\n"
    "  --format simple|openai    send the text alone, or the API's chunks (default simple)\n"
    "\n"
    "Timeouts, in seconds:\n"
    "  --handoff-timeout S       until a connected peer must have sent its handoff (default 5)\n"
    "  --connect-timeout S       until a connection to the API must be ready (default 10)\n"
    "  --first-byte-timeout S    until the API must begin its answer (default 60)\n"
    "  --idle-timeout S          that the API may be silent within its answer (default 60)\n"
    "  --write-timeout S         that a client may read nothing (default 60)\n"
    "  --shutdown-timeout S      that running streams may take after SIGTERM (default 30)\n"
    "\n"
    "Environment: OPENAI_API_BASE, OPENAI_API_KEY, OPENAI_API_SOCKET, OPENAI_HTTP2_ENABLED,\n"
    "OPENAI_CA_FILE, OPENAI_INSECURE_SSL\n";

static bool complain(const char *name, const char *value, const char *expected) {
    fprintf(stderr, "streaming-daemon: %s is \"%s\": expected %s\n", name, value, expected);
    return false;
}

static bool read_seconds(const char *name, const char *text, int64_t *into) {
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(seconds >= 0 && seconds <= 1e9))
        return complain(name, text, "seconds, such as 2 or 0.5");
    *into = (int64_t)(seconds * (double)SECOND);
    return true;
}

static bool read_count(const char *name, const char *text, size_t *into) {
    char *end;
    errno = 0;
    long count = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || count < 1)
        return complain(name, text, "a number of at least 1");
    *into = (size_t)count;
    return true;
}

static bool read_mode(const char *name, const char *text, mode_t *into) {
    char *end;
    unsigned long mode = strtoul(text, &end, 8);
    if (end == text || *end != '\0' || *text == '-' || mode > 0777)
        return complain(name, text, "permissions in octal, such as 0660");
    *into = (mode_t)mode;
    return true;
}

static bool read_format(const char *name, const char *text, enum format *into) {
    if (strcmp(text, "simple") == 0)
        *into = FORMAT_SIMPLE;
    else if (strcmp(text, "openai") == 0)
        *into = FORMAT_OPENAI;
    else
        return complain(name, text, "simple or openai");
    return true;
}

enum option_code {
    SOCKET = 1,
    SOCKET_MODE,
    MAX_CONNECTIONS,
    FORMAT,
    HANDOFF_TIMEOUT,
    CONNECT_TIMEOUT,
    FIRST_BYTE_TIMEOUT,
    IDLE_TIMEOUT,
    WRITE_TIMEOUT,
    SHUTDOWN_TIMEOUT,
    HELP,
};

static const struct option options[] = {
    {"socket", required_argument, NULL, SOCKET},
    {"socket-mode", required_argument, NULL, SOCKET_MODE},
    {"max-connections", required_argument, NULL, MAX_CONNECTIONS},
    {"format", required_argument, NULL, FORMAT},
    {"handoff-timeout", required_argument, NULL, HANDOFF_TIMEOUT},
    {"connect-timeout", required_argument, NULL, CONNECT_TIMEOUT},
    {"first-byte-timeout", required_argument, NULL, FIRST_BYTE_TIMEOUT},
    {"idle-timeout", required_argument, NULL, IDLE_TIMEOUT},
    {"write-timeout", required_argument, NULL, WRITE_TIMEOUT},
    {"shutdown-timeout", required_argument, NULL, SHUTDOWN_TIMEOUT},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool read_option(struct config *c, int code, const char *text) {
    switch ((enum option_code)code) {
    case SOCKET:
        c->socket = text;
        return true;
    case SOCKET_MODE:
        return read_mode("--socket-mode", text, &c->socket_mode);
    case MAX_CONNECTIONS:
        return read_count("--max-connections", text, &c->max_connections);
    case FORMAT:
        return read_format("--format", text, &c->format);
    case HANDOFF_TIMEOUT:
        return read_seconds("--handoff-timeout", text, &c->handoff_timeout);
    case CONNECT_TIMEOUT:
        return read_seconds("--connect-timeout", text, &c->connect_timeout);
    case FIRST_BYTE_TIMEOUT:
        return read_seconds("--first-byte-timeout", text, &c->first_byte_timeout);
    case IDLE_TIMEOUT:
        return read_seconds("--idle-timeout", text, &c->idle_timeout);
    case WRITE_TIMEOUT:
        return read_seconds("--write-timeout", text, &c->write_timeout);
    case SHUTDOWN_TIMEOUT:
        return read_seconds("--shutdown-timeout", text, &c->shutdown_timeout);
    case HELP:
        break;
    }
    return false; // getopt has printed the error
}

static bool read_switch(const char *name, bool *into) {
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return true;
    static const char *const words[] = {"false", "true", "0", "1"};
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *into = i % 2 == 1;
            return true;
        }
    }
    return complain(name, text, "true or false");
}

static const char *environment(const char *name) {
    const char *text = getenv(name);
    return text == NULL || *text == '\0' ? NULL : text;
}

static bool is_plain(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static char *copy_of(const char *text, size_t length) {
    char *copy = allocate(length + 1);
    memcpy(copy, text, length);
    return copy;
}

static bool read_port(struct config *c, const char *text, size_t length) {
    if (length == 0 || length >= sizeof c->port || strspn(text, "0123456789") < length)
        return false;
    memcpy(c->port, text, length);
    return true;
}

// Parses scheme://[user@]host[:port][/path], and discards the user.
static bool read_base(struct config *c, const char *base) {
    c->tls = strncasecmp(base, "https://", 8) == 0;
    if (!is_plain(base) || (!c->tls && strncasecmp(base, "http://", 7) != 0))
        return false;
    const char *rest = base + (c->tls ? 8 : 7);
    size_t length = strcspn(rest, "/?#");
    const char *path = rest + length;
    const char *at = memrchr(rest, '@', length);
    if (at != NULL) {
        length -= (size_t)(at + 1 - rest);
        rest = at + 1;
    }
    strcpy(c->port, c->tls ? "443" : "80");
    size_t host = length;
    const char *bracket = *rest == '[' ? memchr(rest, ']', length) : rest;
    if (bracket == NULL)
        return false;
    const char *colon = memchr(bracket, ':', length - (size_t)(bracket - rest));
    if (colon != NULL) {
        host = (size_t)(colon - rest);
        c->port[0] = '\0';
        if (!read_port(c, colon + 1, length - host - 1))
            return false;
    }
    c->authority = copy_of(rest, length);
    c->host = *rest == '[' ? copy_of(rest + 1, (size_t)(bracket - rest) - 1) : copy_of(rest, host);
    size_t path_length = strcspn(path, "?#");
    while (path_length > 0 && path[path_length - 1] == '/')
        path_length--;
    struct buffer b = {0};
    buffer_print(&b, "%.*s/chat/completions", (int)path_length, path);
    buffer_add(&b, "", 1);
    c->path = b.bytes;
    return *c->host != '\0';
}

static bool read_key(struct config *c) {
    const char *key = environment("OPENAI_API_KEY");
    struct text text = key == NULL ? TEXT("") : text_trim(text_of(key));
    while (text.length > 0 && strchr("\r\n", text.bytes[text.length - 1]) != NULL)
        text.length--;
    c->api_key = copy_of(text.bytes, text.length);
    for (const char *byte = c->api_key; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            fputs("streaming-daemon: OPENAI_API_KEY: expected characters that are valid in a "
                  "header\n",
                  stderr);
            return false;
        }
    }
    return true;
}

static bool read_environment(struct config *c) {
    const char *base = environment("OPENAI_API_BASE");
    if (!read_base(c, base != NULL ? base : "https://api.openai.com/v1")) {
        fputs("streaming-daemon: OPENAI_API_BASE: expected a URL like https://api.openai.com/v1\n",
              stderr);
        return false;
    }
    c->api_socket = environment("OPENAI_API_SOCKET");
    if (c->api_socket != NULL &&
        strlen(c->api_socket) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return complain("OPENAI_API_SOCKET", c->api_socket, "a path of at most 107 bytes");
    c->ca_file = environment("OPENAI_CA_FILE");
    return read_key(c) && read_switch("OPENAI_HTTP2_ENABLED", &c->http2) &&
           read_switch("OPENAI_INSECURE_SSL", &c->insecure);
}

enum config_result config_read(struct config *c, int argc, char **argv) {
    *c = (struct config){
        .socket_mode = 0660,
        .max_connections = 10000,
        .handoff_timeout = 5 * SECOND,
        .connect_timeout = 10 * SECOND,
        .first_byte_timeout = 60 * SECOND,
        .idle_timeout = 60 * SECOND,
        .write_timeout = 60 * SECOND,
        .shutdown_timeout = 30 * SECOND,
        .http2 = true,
    };
    int code;
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (code == HELP) {
            fputs(help, stdout);
            return CONFIG_HELP;
        }
        if (!read_option(c, code, optarg))
            return CONFIG_BAD;
    }
    if (optind < argc) {
        fprintf(stderr, "streaming-daemon: unexpected argument \"%s\": all options begin with --\n",
                argv[optind]);
        return CONFIG_BAD;
    }
    if (c->socket == NULL) {
        fputs("streaming-daemon: --socket is missing: give the path to listen on\n", stderr);
        return CONFIG_BAD;
    }
    return read_environment(c) ? CONFIG_GOOD : CONFIG_BAD;
}

void config_free(struct config *c) {
    free(c->host);
    free(c->authority);
    free(c->path);
    free(c->api_key);
}
