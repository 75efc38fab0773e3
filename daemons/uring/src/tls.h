// TLS to the API, by OpenSSL without any I/O: what arrives is fed in, what is to be sent is
// taken out, and the ring carries both.

#ifndef TLS_H
#define TLS_H

#include "config.h"

// Prepares what all connections share; false after telling what is wrong.
bool tls_setup(const struct config *c);

struct tls;

enum tls_result {
    TLS_MORE, // nothing more until more has been fed in
    TLS_GOOD,
    TLS_CLOSED, // the other side said goodbye (close_notify)
    TLS_FAILED,
};

struct tls *tls_new(void);
void tls_free(struct tls *t);
void tls_feed(struct tls *t, struct text bytes);
enum tls_result tls_handshake(struct tls *t);
// Decrypts into the buffer; TLS_GOOD sets how much.
enum tls_result tls_read(struct tls *t, char *into, size_t size, size_t *length);
bool tls_write(struct tls *t, struct text bytes);
// Says goodbye.
void tls_close(struct tls *t);
// Moves what is to be sent to the end of the buffer.
void tls_take(struct tls *t, struct buffer *to);
// Whether all that was fed in has been read.
bool tls_is_empty(const struct tls *t);
bool tls_chose_http2(const struct tls *t);
// Why it failed, for the log.
const char *tls_reason(const struct tls *t);

#endif
