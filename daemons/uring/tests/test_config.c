// Tests of the options and the environment.

#include "check.h"
#include "config.h"

#include <getopt.h>
#include <stdlib.h>

static const struct {
    const char *base, *parsed; // tls host port authority path, or refused
} bases[] = {
    {"https://api.openai.com/v1", "tls api.openai.com 443 api.openai.com /v1/chat/completions"},
    {"http://127.0.0.1:8080/v1/", "plain 127.0.0.1 8080 127.0.0.1:8080 /v1/chat/completions"},
    {"HTTPS://me:secret@host:8443", "tls host 8443 host:8443 /chat/completions"},
    {"https://[::1]:444/a?b#c", "tls ::1 444 [::1]:444 /a/chat/completions"},
    {"https://[::1]", "tls ::1 443 [::1] /chat/completions"},
    {"ftp://host/v1", "refused"},
    {"https://", "refused"},
    {"https://host:/v1", "refused"},
    {"https://host:http/v1", "refused"},
    {"https://host:123456/v1", "refused"},
    {"https://[::1/v1", "refused"},
    {"https://host/a b", "refused"},
    {"https://host/\r\nX: y", "refused"},
};

static const struct {
    const char *about, *argument, *value, *result;
} options[] = {
    {"help", "--help", NULL, "help"},
    {"a count", "--max-connections", "5", "good"},
    {"a count of zero", "--max-connections", "0", "bad"},
    {"a count with a letter", "--max-connections", "5x", "bad"},
    {"seconds", "--idle-timeout", "0.25", "good"},
    {"negative seconds", "--idle-timeout", "-1", "bad"},
    {"not a number", "--idle-timeout", "nan", "bad"},
    {"a mode", "--socket-mode", "600", "good"},
    {"a mode that is not octal", "--socket-mode", "9", "bad"},
    {"a format", "--format", "openai", "good"},
    {"an unknown format", "--format", "xml", "bad"},
    {"an unknown option", "--colour", NULL, "bad"},
    {"an argument without --", "socket", NULL, "bad"},
};

static enum config_result parse(struct config *c, const char *argument, const char *value) {
    char *argv[] = {(char *)"daemon", (char *)"--socket", (char *)"s",
                    (char *)argument, (char *)value,      NULL};
    optind = 0; // restarts getopt
    return config_read(c, argument == NULL ? 3 : value == NULL ? 4 : 5, argv);
}

static void test_bases(void) {
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        struct config c;
        struct buffer parsed = {0};
        setenv("OPENAI_API_BASE", bases[i].base, 1);
        if (parse(&c, NULL, NULL) == CONFIG_GOOD)
            buffer_print(&parsed, "%s %s %s %s %s", c.tls ? "tls" : "plain", c.host, c.port,
                         c.authority, c.path);
        else
            buffer_print(&parsed, "refused");
        CHECK_TEXT(bases[i].base, buffer_text(&parsed), bases[i].parsed);
        config_free(&c);
        buffer_free(&parsed);
    }
    unsetenv("OPENAI_API_BASE");
}

static void test_options(void) {
    static const char *const results[] = {
        [CONFIG_GOOD] = "good", [CONFIG_HELP] = "help", [CONFIG_BAD] = "bad"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct config c;
        const char *result = results[parse(&c, options[i].argument, options[i].value)];
        CHECK_TEXT(options[i].about, text_of(result), options[i].result);
        config_free(&c);
    }
}

int main(void) {
    // Discard the error texts and the help.
    FILE *out = stdout;
    stdout = stderr = fopen("/dev/null", "w");
    test_bases();
    test_options();
    fclose(stdout);
    stdout = stderr = out;
    return check_summary("config");
}
