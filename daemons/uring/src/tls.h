// TLS for the connection to the API, with OpenSSL, without I/O. The transport feeds in the received
// bytes and takes out the bytes to send.

#ifndef TLS_H
#define TLS_H

#include "config.h"

// Sets up the state that all connections share. Prints an error and returns false on failure.
bool tls_setup(const struct config *c);

struct tls;

enum tls_result {
    TLS_MORE, // needs more input
    TLS_GOOD,
    TLS_CLOSED, // the other side sent close_notify
    TLS_FAILED,
};

struct tls *tls_new(void);
void tls_free(struct tls *t);
void tls_feed(struct tls *t, struct text bytes);
enum tls_result tls_handshake(struct tls *t);
// Decrypts into the buffer. With TLS_GOOD, sets the length.
enum tls_result tls_read(struct tls *t, char *into, size_t size, size_t *length);
bool tls_write(struct tls *t, struct text bytes);
// Writes close_notify.
void tls_close(struct tls *t);
// Moves the bytes to send to the end of the buffer.
void tls_take(struct tls *t, struct buffer *to);
// Reports whether all input has been read.
bool tls_is_empty(const struct tls *t);
bool tls_chose_http2(const struct tls *t);
// Returns the reason of a failure, for the log.
const char *tls_reason(const struct tls *t);

#endif
