#include "tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    SSL *ssl;
    BIO *in, *out; // owned by ssl
};

static SSL_CTX *context;
static SSL_SESSION *session; // the latest session, to shorten the next handshake
static const char *host;

static int keep_session(SSL *ssl, SSL_SESSION *s) {
    (void)ssl;
    SSL_SESSION_free(session);
    session = s;
    return 1; // this module owns the session now
}

static bool complain(const char *what) {
    fprintf(stderr, "streaming-daemon: %s: %s\n", what, ERR_reason_error_string(ERR_peek_error()));
    return false;
}

bool tls_setup(const struct config *c) {
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    host = c->host;
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return complain("TLS");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    SSL_CTX_set_verify(context, c->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_verify_paths(context);
    const unsigned char *protocols = c->http2 ? both : both + 3;
    if (SSL_CTX_set_alpn_protos(context, protocols, c->http2 ? 12 : 9) != 0)
        return complain("TLS");
    if (c->ca_file != NULL && !SSL_CTX_load_verify_file(context, c->ca_file)) {
        fprintf(stderr,
                "streaming-daemon: OPENAI_CA_FILE: expected certificates in PEM, found none in "
                "%s\n",
                c->ca_file);
        return false;
    }
    return true;
}

static bool is_address(const char *name) {
    char unused[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, unused) == 1 || inet_pton(AF_INET6, name, unused) == 1;
}

struct tls *tls_new(void) {
    struct tls *t = allocate(sizeof *t);
    t->ssl = SSL_new(context);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (t->ssl == NULL || t->in == NULL || t->out == NULL)
        abort();
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);
    bool named;
    if (is_address(host))
        named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), host);
    else
        named = SSL_set1_host(t->ssl, host) && SSL_set_tlsext_host_name(t->ssl, host);
    if (!named)
        abort();
    if (session != NULL)
        SSL_set_session(t->ssl, session);
    return t;
}

void tls_free(struct tls *t) {
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}

void tls_feed(struct tls *t, struct text bytes) {
    if (BIO_write(t->in, bytes.bytes, (int)bytes.length) != (int)bytes.length)
        abort();
}

static enum tls_result result_of(struct tls *t, int returned) {
    switch (SSL_get_error(t->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        return TLS_FAILED;
    }
}

enum tls_result tls_handshake(struct tls *t) {
    ERR_clear_error();
    int returned = SSL_do_handshake(t->ssl);
    return returned == 1 ? TLS_GOOD : result_of(t, returned);
}

enum tls_result tls_read(struct tls *t, char *into, size_t size, size_t *length) {
    ERR_clear_error();
    int returned = SSL_read_ex(t->ssl, into, size, length);
    if (returned == 1)
        return TLS_GOOD;
    enum tls_result result = result_of(t, returned);
    // An idle connection does not need its 16 KiB. With TLS 1.3, SSL_MODE_RELEASE_BUFFERS alone
    // does not free them.
    SSL_free_buffers(t->ssl);
    return result;
}

bool tls_write(struct tls *t, struct text bytes) {
    size_t written;
    ERR_clear_error();
    // A memory BIO accepts all bytes, so a write is never partial.
    return bytes.length == 0 || SSL_write_ex(t->ssl, bytes.bytes, bytes.length, &written) == 1;
}

void tls_close(struct tls *t) {
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
}

void tls_take(struct tls *t, struct buffer *to) {
    char *bytes;
    long length = BIO_get_mem_data(t->out, &bytes);
    if (length <= 0)
        return;
    buffer_add(to, bytes, (size_t)length);
    (void)BIO_reset(t->out);
}

bool tls_is_empty(const struct tls *t) {
    return BIO_ctrl_pending(t->in) == 0 && SSL_pending(t->ssl) == 0;
}

bool tls_chose_http2(const struct tls *t) {
    const unsigned char *protocol;
    unsigned length;
    SSL_get0_alpn_selected(t->ssl, &protocol, &length);
    return length == 2 && memcmp(protocol, "h2", 2) == 0;
}

const char *tls_reason(const struct tls *t) {
    long verdict = SSL_get_verify_result(t->ssl);
    if (verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason != NULL ? reason : "TLS failed";
}
