<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Api;
use StreamingDaemon\Log;
use StreamingDaemon\Problem;
use Swoole\Coroutine\System;

/**
 * Makes connections to the API: address, TCP or Unix socket, TLS, and which protocol it is.
 *
 * The sockets are PHP's own streams, not blocking, and the coroutine waits for them by
 * Swoole's event loop. Swoole's sockets know TLS as well, but not which protocol ALPN
 * chose, and they compare an IP address in a certificate with nothing.
 */
final class Dialer
{
    /** Seconds until a Unix socket whose queue is full is tried again. */
    private const PAUSE = 0.02;

    /** A record of TLS is read whole by it. */
    private const CHUNK_SIZE = 65536;

    public function __construct(
        private readonly Api $api,
        private readonly Log $log,
        private readonly float $timeout,
    ) {
    }

    /** Whether HTTP/2 may come of it. */
    public function offersHttp2(): bool
    {
        return $this->usesTls() && $this->api->http2;
    }

    /**
     * @param bool $http2 set to whether the API chose HTTP/2
     * @throws Problem
     */
    public function dial(float $deadline, bool &$http2): Link
    {
        $stream = $this->connect($this->address($deadline), $deadline);
        $watch = new Watch($stream);
        try {
            $this->await($watch, SWOOLE_EVENT_WRITE, $deadline);
            if (stream_socket_get_name($stream, true) === false) {
                throw $this->unreachable('it refuses connections');
            }
            if ($this->usesTls()) {
                $this->encrypt($stream, $watch, $deadline);
                $http2 = (stream_get_meta_data($stream)['crypto']['alpn_protocol'] ?? '') === 'h2';
            }
        } finally {
            $watch->close();
        }
        stream_set_read_buffer($stream, 0);
        stream_set_chunk_size($stream, self::CHUNK_SIZE);
        return new Link($stream, $this->usesTls());
    }

    private function usesTls(): bool
    {
        return $this->api->tls && $this->api->socket === null;
    }

    public function deadline(): float
    {
        return Clock::now() + $this->timeout;
    }

    /** @throws Problem */
    private function address(float $deadline): string
    {
        if ($this->api->socket !== null) {
            return "unix://{$this->api->socket}";
        }
        $host = $this->api->peerName();
        if (filter_var($host, FILTER_VALIDATE_IP) !== false) {
            return "tcp://{$this->api->host}:{$this->api->port}";
        }
        foreach ([AF_INET => '%s', AF_INET6 => '[%s]'] as $family => $form) {
            $address = System::gethostbyname($host, $family, max(0.001, $deadline - Clock::now()));
            if (is_string($address)) {
                return 'tcp://' . sprintf($form, $address) . ":{$this->api->port}";
            }
        }
        throw $deadline <= Clock::now() ? Problem::connectTimeout() : $this->unreachable('its name has no address');
    }

    /**
     * @return resource
     * @throws Problem
     */
    private function connect(string $address, float $deadline)
    {
        $context = stream_context_create(['socket' => ['tcp_nodelay' => true], 'ssl' => $this->tlsOptions()]);
        $flags = STREAM_CLIENT_CONNECT | STREAM_CLIENT_ASYNC_CONNECT;
        for (;;) {
            $stream = @stream_socket_client($address, $error, $message, 0, $flags, $context);
            if ($stream !== false) {
                break;
            }
            if ($error !== SOCKET_EAGAIN) { // which is a Unix socket's way to say that its queue is full
                throw $this->unreachable($message);
            }
            if (Clock::now() >= $deadline) {
                throw Problem::connectTimeout();
            }
            (new Sleeper())->sleep(self::PAUSE);
        }
        stream_set_blocking($stream, false);
        return $stream;
    }

    /**
     * @param resource $stream
     * @throws Problem
     */
    private function encrypt($stream, Watch $watch, float $deadline): void
    {
        error_clear_last();
        while (($done = @stream_socket_enable_crypto($stream, true, STREAM_CRYPTO_METHOD_TLS_CLIENT)) === 0) {
            $this->await($watch, SWOOLE_EVENT_READ, $deadline);
        }
        if ($done !== true) {
            throw $this->unreachable(error_get_last()['message'] ?? 'TLS failed');
        }
    }

    /** @return array<string, mixed> */
    private function tlsOptions(): array
    {
        $options = [
            'peer_name' => $this->api->peerName(),
            'verify_peer' => !$this->api->insecure,
            'verify_peer_name' => !$this->api->insecure,
            'alpn_protocols' => $this->api->http2 ? 'h2,http/1.1' : 'http/1.1',
        ];
        if ($this->api->caFile !== null) { // besides the system's, whose place it would take
            $options['cafile'] = $this->api->caFile;
            $options['capath'] = openssl_get_cert_locations()['default_cert_dir'];
        }
        return $options;
    }

    /** @throws Problem */
    private function await(Watch $watch, int $event, float $deadline): void
    {
        $watch->wait($event, $deadline - Clock::now());
        if (Clock::now() >= $deadline) {
            throw Problem::connectTimeout();
        }
    }

    private function unreachable(string $why): Problem
    {
        $this->log->line('the API cannot be reached', ['reason' => trim($why)]);
        return Problem::unreachable();
    }
}
