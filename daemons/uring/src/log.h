// The log: one line to stderr for each event worth telling. The API's key must be seen by
// nobody, so it is taken out of every line, whoever put it there.

#ifndef LOG_H
#define LOG_H

#include "buffer.h"

void log_hide(const char *key);
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Adds the text with the key taken out.
void add_redacted(struct buffer *to, struct text t);

#endif
