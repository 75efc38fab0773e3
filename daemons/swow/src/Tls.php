<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use FFI;

/**
 * A TLS connection without I/O: received bytes in, bytes to send out. It distinguishes close_notify from
 * a cut (R4).
 */
final class Tls
{
    private const CTRL_SET_HOST_NAME = 55;
    private const BUFFER_SIZE = 65536;

    private readonly FFI $library;
    private readonly FFI\CData $ssl;
    private readonly FFI\CData $in;
    private readonly FFI\CData $out;
    private bool $closed = false;
    private bool $remembered = false;

    /** The read buffer of all connections, which is possible because reading never waits. */
    private static ?FFI\CData $buffer = null;

    /**
     * @param string $name the API's name or address
     * @param bool $verify verify that the certificate is for this name
     */
    public function __construct(private readonly OpenSsl $openssl, string $name, bool $verify)
    {
        $this->library = $openssl->library;
        self::$buffer ??= $this->library->new('char[' . self::BUFFER_SIZE . ']', false, true);
        $this->ssl = $openssl->connection();
        $this->in = $this->library->BIO_new($this->library->BIO_s_mem());
        $this->out = $this->library->BIO_new($this->library->BIO_s_mem());
        $this->library->SSL_set_bio($this->ssl, $this->in, $this->out); // takes ownership of both
        $this->library->SSL_set_connect_state($this->ssl);
        $isAddress = filter_var($name, FILTER_VALIDATE_IP) !== false;
        if (!$isAddress) {
            $this->library->SSL_ctrl($this->ssl, self::CTRL_SET_HOST_NAME, 0, $name);
        }
        if ($verify && $isAddress) {
            $parameters = $this->library->SSL_get0_param($this->ssl);
            $this->library->X509_VERIFY_PARAM_set1_ip_asc($parameters, $name);
        } elseif ($verify) {
            $this->library->SSL_set1_host($this->ssl, $name);
        }
    }

    public function __destruct()
    {
        $this->library->SSL_free($this->ssl);
    }

    /**
     * Continues the handshake with the received bytes.
     *
     * @return bool true when the handshake is complete
     * @throws TlsException
     */
    public function handshake(): bool
    {
        $this->library->ERR_clear_error();
        $result = $this->library->SSL_do_handshake($this->ssl);
        if ($result === 1) {
            return true;
        }
        if ($this->library->SSL_get_error($this->ssl, $result) !== OpenSsl::ERROR_WANT_READ) {
            throw $this->failure();
        }
        return false;
    }

    /** Returns the protocol that the API chose, such as h2, or an empty string. */
    public function protocol(): string
    {
        $name = $this->library->new('const char *');
        $size = $this->library->new('unsigned int');
        $this->library->SSL_get0_alpn_selected($this->ssl, FFI::addr($name), FFI::addr($size));
        return $size->cdata === 0 ? '' : FFI::string($name, $size->cdata);
    }

    /** Adds received bytes. */
    public function receive(string $bytes): void
    {
        $this->library->BIO_write($this->in, $bytes, strlen($bytes));
    }

    /** Returns the bytes to send. */
    public function output(): string
    {
        $bytes = '';
        while (($size = $this->library->BIO_read($this->out, self::$buffer, self::BUFFER_SIZE)) > 0) {
            $bytes .= FFI::string(self::$buffer, $size);
        }
        return $bytes;
    }

    /**
     * Returns the decrypted bytes that have arrived.
     *
     * @throws TlsException
     */
    public function read(): string
    {
        $bytes = '';
        $this->library->ERR_clear_error();
        while (($size = $this->library->SSL_read($this->ssl, self::$buffer, self::BUFFER_SIZE)) > 0) {
            $bytes .= FFI::string(self::$buffer, $size);
        }
        $error = $this->library->SSL_get_error($this->ssl, $size);
        if ($bytes !== '' && !$this->remembered) {
            $this->remembered = true;
            $this->openssl->remember($this->ssl);
        }
        if ($error === OpenSsl::ERROR_ZERO_RETURN) {
            $this->closed = true;
        } elseif ($error !== OpenSsl::ERROR_WANT_READ && $bytes === '') {
            throw $this->failure();
        }
        return $bytes;
    }

    /** Reports whether the API has sent close_notify. */
    public function isClosed(): bool
    {
        return $this->closed;
    }

    public function write(string $bytes): void
    {
        if ($bytes !== '') { // a memory BIO accepts all bytes
            $this->library->SSL_write($this->ssl, $bytes, strlen($bytes));
        }
    }

    /** Writes close_notify. OpenSSL does not resume a session that ended without it. */
    public function close(): void
    {
        $this->library->ERR_clear_error();
        $this->library->SSL_shutdown($this->ssl);
    }

    private function failure(): TlsException
    {
        $verified = $this->library->SSL_get_verify_result($this->ssl);
        if ($verified !== 0) {
            return new TlsException('certificate: ' . $this->library->X509_verify_cert_error_string($verified));
        }
        $text = $this->library->new('char[256]');
        $this->library->ERR_error_string_n($this->library->ERR_get_error(), $text, 256);
        return new TlsException(FFI::string($text));
    }
}
