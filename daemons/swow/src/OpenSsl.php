<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use FFI;
use StreamingDaemon\Api;
use StreamingDaemon\UsageError;

/**
 * The OpenSSL library by FFI: the functions for a TLS client without I/O, and the settings that all
 * connections share.
 *
 * Swow's own TLS has three faults. As a client it does not support ALPN, so it cannot offer HTTP/2. It
 * does not verify an IP address in a certificate. And it replaces PHP's TLS for all streams.
 */
final class OpenSsl
{
    public const ERROR_WANT_READ = 2;
    public const ERROR_ZERO_RETURN = 6;

    private const LIBRARIES = ['libssl.so.3', 'libssl.so.1.1', 'libssl.so'];
    private const VERIFY_PEER = 1;
    private const CTRL_MODE = 33;
    private const MODE_RELEASE_BUFFERS = 0x10;
    private const CTRL_SET_MIN_PROTOCOL = 123;
    private const TLS_1_2 = 0x0303;

    private const FUNCTIONS = <<<'C'
        const void *TLS_client_method(void);
        void *SSL_CTX_new(const void *method);
        long SSL_CTX_ctrl(void *context, int command, long number, void *pointer);
        int SSL_CTX_load_verify_locations(void *context, const char *file, const char *folder);
        int SSL_CTX_set_default_verify_paths(void *context);
        void SSL_CTX_set_verify(void *context, int mode, void *callback);
        int SSL_CTX_set_alpn_protos(void *context, const char *protocols, unsigned int size);
        void *SSL_new(void *context);
        void SSL_free(void *ssl);
        const void *BIO_s_mem(void);
        void *BIO_new(const void *type);
        int BIO_read(void *bio, char *buffer, int size);
        int BIO_write(void *bio, const char *bytes, int size);
        void SSL_set_bio(void *ssl, void *in, void *out);
        void SSL_set_connect_state(void *ssl);
        int SSL_do_handshake(void *ssl);
        int SSL_read(void *ssl, char *buffer, int size);
        int SSL_write(void *ssl, const char *bytes, int size);
        int SSL_shutdown(void *ssl);
        void *SSL_get1_session(void *ssl);
        int SSL_SESSION_is_resumable(const void *session);
        int SSL_set_session(void *ssl, void *session);
        void SSL_SESSION_free(void *session);
        int SSL_get_error(const void *ssl, int result);
        long SSL_ctrl(void *ssl, int command, long number, const char *text);
        int SSL_set1_host(void *ssl, const char *name);
        void *SSL_get0_param(void *ssl);
        int X509_VERIFY_PARAM_set1_ip_asc(void *parameters, const char *address);
        void SSL_get0_alpn_selected(const void *ssl, const char **protocol, unsigned int *size);
        long SSL_get_verify_result(const void *ssl);
        const char *X509_verify_cert_error_string(long number);
        unsigned long ERR_get_error(void);
        void ERR_clear_error(void);
        void ERR_error_string_n(unsigned long error, char *buffer, size_t size);
        C;

    /** The session of an earlier connection, if the API sent a ticket for it. */
    private ?FFI\CData $session = null;

    private function __construct(
        public readonly FFI $library,
        private readonly FFI\CData $context,
    ) {
    }

    /** Makes a connection. It resumes an earlier session, so its handshake does not need a signature. */
    public function connection(): FFI\CData
    {
        $ssl = $this->library->SSL_new($this->context);
        if ($this->session !== null) {
            $this->library->SSL_set_session($ssl, $this->session);
        }
        return $ssl;
    }

    /** Keeps a connection's session for later ones. Call it after the first data: tickets follow the handshake. */
    public function remember(FFI\CData $ssl): void
    {
        $session = $this->library->SSL_get1_session($ssl);
        if ($session === null || $this->library->SSL_SESSION_is_resumable($session) !== 1) {
            $this->library->SSL_SESSION_free($session);
            return;
        }
        $this->library->SSL_SESSION_free($this->session);
        $this->session = $session;
    }

    /** @throws UsageError when OpenSSL is missing, or the certificates are invalid */
    public static function forApi(Api $api): self
    {
        $library = self::load();
        $context = $library->SSL_CTX_new($library->TLS_client_method());
        $library->SSL_CTX_ctrl($context, self::CTRL_SET_MIN_PROTOCOL, self::TLS_1_2, null);
        $library->SSL_CTX_ctrl($context, self::CTRL_MODE, self::MODE_RELEASE_BUFFERS, null);
        $library->SSL_CTX_set_default_verify_paths($context);
        if ($api->caFile !== null && $library->SSL_CTX_load_verify_locations($context, $api->caFile, null) !== 1) {
            throw new UsageError("OPENAI_CA_FILE: expected certificates in PEM, found none in $api->caFile");
        }
        $library->SSL_CTX_set_verify($context, $api->insecure ? 0 : self::VERIFY_PEER, null);
        $protocols = implode('', array_map(
            static fn (string $name): string => chr(strlen($name)) . $name,
            $api->http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
        ));
        $library->SSL_CTX_set_alpn_protos($context, $protocols, strlen($protocols));
        return new self($library, $context);
    }

    private static function load(): FFI
    {
        foreach (self::LIBRARIES as $name) {
            try {
                return FFI::cdef(self::FUNCTIONS, $name);
            } catch (FFI\Exception) {
                continue;
            }
        }
        throw new UsageError('expected OpenSSL as a shared library: apt-get install libssl3');
    }
}
