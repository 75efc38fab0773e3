// The log on stderr: one line for each event. It removes the API's key from each line: an API may
// echo the key in the text of an error.

#ifndef LOG_H
#define LOG_H

#include "buffer.h"

// Sets the key to remove.
void log_hide(const char *key);
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Adds the text without the key.
void add_redacted(struct buffer *to, struct text t);

#endif
