<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Socket;
use StreamingDaemon\Api;
use StreamingDaemon\Log;
use StreamingDaemon\Problem;
use Swoole\Coroutine\System;

/**
 * The dialer makes connections to the API: name lookup, TCP or Unix socket, TLS and ALPN.
 *
 * The sockets are PHP's own non-blocking streams. The coroutine waits for them with Swoole's event
 * loop. Swoole's own sockets support TLS too, but do not report ALPN's choice, and do not verify an
 * IP address in a certificate.
 */
final class Dialer
{
    /** The time between two attempts to connect to a Unix socket whose queue is full, in seconds. */
    private const PAUSE = 0.02;

    /** The size of a read, which is larger than a TLS record. */
    private const CHUNK_SIZE = 65536;

    public function __construct(
        private readonly Api $api,
        private readonly Log $log,
        private readonly float $timeout,
    ) {
    }

    /** Reports whether the daemon offers HTTP/2. */
    public function offersHttp2(): bool
    {
        return $this->usesTls() && $this->api->http2;
    }

    /**
     * @param bool $http2 set to true if the API chose HTTP/2
     * @throws Problem
     */
    public function dial(float $deadline, bool &$http2): Link
    {
        $socket = $this->connect($deadline);
        $stream = socket_export_stream($socket);
        if ($this->usesTls()) {
            $this->encrypt($stream, $deadline);
            $http2 = (stream_get_meta_data($stream)['crypto']['alpn_protocol'] ?? '') === 'h2';
        }
        stream_set_read_buffer($stream, 0);
        stream_set_chunk_size($stream, self::CHUNK_SIZE);
        return new Link($socket, $this->usesTls());
    }

    /** Returns the deadline for a connection that begins now. */
    public function deadline(): float
    {
        return Clock::now() + $this->timeout;
    }

    private function usesTls(): bool
    {
        return $this->api->tls && $this->api->socket === null;
    }

    /** @throws Problem */
    private function connect(float $deadline): Socket
    {
        [$family, $address] = $this->address($deadline);
        $socket = @socket_create($family, SOCK_STREAM, 0);
        if ($socket === false) {
            throw $this->unreachable(socket_strerror(socket_last_error()));
        }
        socket_set_nonblock($socket);
        while (!@socket_connect($socket, $address, $family === AF_UNIX ? null : $this->api->port)) {
            $error = socket_last_error($socket);
            if ($error === SOCKET_EINPROGRESS) {
                $this->await(socket_export_stream($socket), SWOOLE_EVENT_WRITE, $deadline);
                $error = socket_get_option($socket, SOL_SOCKET, SO_ERROR);
                if ($error === 0) {
                    break;
                }
            }
            if ($error !== SOCKET_EAGAIN) { // the error of a Unix socket whose queue is full
                throw $this->unreachable(socket_strerror($error));
            }
            if (Clock::now() >= $deadline) {
                throw Problem::connectTimeout();
            }
            (new Sleeper())->sleep(self::PAUSE);
        }
        if ($family !== AF_UNIX) {
            socket_set_option($socket, SOL_TCP, TCP_NODELAY, 1);
        }
        return $socket;
    }

    /**
     * @return array{int, string} the family, and the address or path
     * @throws Problem
     */
    private function address(float $deadline): array
    {
        if ($this->api->socket !== null) {
            return [AF_UNIX, $this->api->socket];
        }
        $host = $this->api->peerName();
        if (filter_var($host, FILTER_VALIDATE_IP) !== false) {
            return [str_contains($host, ':') ? AF_INET6 : AF_INET, $host];
        }
        foreach ([AF_INET, AF_INET6] as $family) {
            $address = System::gethostbyname($host, $family, max(0.001, $deadline - Clock::now()));
            if (is_string($address)) {
                return [$family, $address];
            }
        }
        throw $deadline <= Clock::now()
            ? Problem::connectTimeout()
            : $this->unreachable('the name lookup found no address');
    }

    /**
     * @param resource $stream
     * @throws Problem
     */
    private function encrypt($stream, float $deadline): void
    {
        stream_context_set_option($stream, ['ssl' => $this->tlsOptions()]);
        error_clear_last();
        while (($done = @stream_socket_enable_crypto($stream, true, STREAM_CRYPTO_METHOD_TLS_CLIENT)) === 0) {
            $this->await($stream, SWOOLE_EVENT_READ, $deadline);
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
        if ($this->api->caFile !== null) { // keep the system's certificates, which cafile alone would replace
            $options['cafile'] = $this->api->caFile;
            $options['capath'] = openssl_get_cert_locations()['default_cert_dir'];
        }
        return $options;
    }

    /**
     * @param resource $stream
     * @throws Problem
     */
    private function await($stream, int $event, float $deadline): void
    {
        $watch = new Watch($stream);
        $watch->wait($event, $deadline - Clock::now());
        $watch->close();
        if (Clock::now() >= $deadline) {
            throw Problem::connectTimeout();
        }
    }

    private function unreachable(string $reason): Problem
    {
        $this->log->line('cannot connect to the API', ['reason' => trim($reason)]);
        return Problem::unreachable();
    }
}
