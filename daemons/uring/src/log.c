#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *hidden = "";

void log_hide(const char *key) {
    hidden = key;
}

void add_redacted(struct buffer *to, struct text t) {
    size_t length = strlen(hidden);
    const char *key;
    while (length > 0 && (key = memmem(t.bytes, t.length, hidden, length)) != NULL) {
        size_t before = (size_t)(key - t.bytes);
        buffer_add(to, t.bytes, before);
        buffer_add_text(to, TEXT("[redacted]"));
        t.bytes += before + length;
        t.length -= before + length;
    }
    buffer_add_text(to, t);
}

// A message may contain a long text of the API, with line ends.
enum { MESSAGE_LIMIT = 1000 };

static void write_line(const char *level, const char *format, va_list arguments) {
    char *message;
    if (vasprintf(&message, format, arguments) < 0)
        return;
    time_t now = time(NULL);
    struct tm parts;
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    struct buffer line = {0};
    buffer_print(&line, "%s %s ", stamp, level);
    add_redacted(&line, text_of(message)); // before the cut, which could leave half a key
    free(message);
    if (line.length > MESSAGE_LIMIT)
        line.length = MESSAGE_LIMIT;
    for (char *c = line.bytes; c < line.bytes + line.length; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    buffer_add(&line, "\n", 1);
    // Ignore errors: a closed stderr must not end the daemon.
    ssize_t written = write(STDERR_FILENO, line.bytes, line.length);
    (void)written;
    buffer_free(&line);
}

void log_info(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_line("info", format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_line("warning", format, arguments);
    va_end(arguments);
}
