<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\Api;
use Swow\Coroutine;
use Swow\Errno;
use Swow\Socket;
use Swow\SocketException;

/**
 * A transport is a connection to the API, with or without TLS.
 *
 * Reading blocks the coroutine. Writing does not: another coroutine sends the bytes. An API may answer
 * before it has read the request, and the exchange must read that answer.
 */
final class Transport
{
    /** The time between two attempts to connect to a Unix socket whose queue is full, in milliseconds. */
    private const PAUSE = 20;
    private const READ_SIZE = 65536;

    private string $unsent = '';
    private bool $sending = false;
    private bool $cleanEnd = false;

    private function __construct(
        private readonly Socket $socket,
        private readonly ?Tls $tls,
    ) {
    }

    /**
     * @param OpenSsl|null $openssl null for a connection without TLS
     * @throws SocketException|TlsException|Late
     */
    public static function open(Api $api, ?OpenSsl $openssl, float $deadline): self
    {
        $socket = self::connect($api, $deadline);
        $tls = $openssl === null ? null : new Tls($openssl, $api->peerName(), !$api->insecure);
        $transport = new self($socket, $tls);
        try {
            while ($tls !== null && !$tls->handshake()) {
                $transport->send($tls->output());
                $bytes = $transport->receive($deadline);
                if ($bytes === '') {
                    throw new TlsException('the API closed the connection within the handshake');
                }
                $tls->receive($bytes);
            }
        } catch (\Throwable $error) {
            $transport->close();
            throw $error;
        }
        $transport->write('');
        return $transport;
    }

    /** Returns the protocol that the API chose in the handshake. */
    public function protocol(): string
    {
        return $this->tls?->protocol() ?? '';
    }

    /**
     * Waits for bytes.
     *
     * @return string|null null at the end of the connection
     * @throws SocketException|TlsException|Late
     */
    public function read(float $deadline): ?string
    {
        $bytes = $this->tls?->read() ?? '';
        while ($bytes === '' && !$this->cleanEnd) {
            if ($this->tls?->isClosed()) {
                $this->cleanEnd = true;
                return null;
            }
            $raw = $this->receive($deadline);
            if ($raw === '') {
                $this->cleanEnd = $this->tls === null;
                return null;
            }
            $this->tls?->receive($raw);
            $bytes = $this->tls === null ? $raw : $this->tls->read();
            $this->write(''); // sends TLS messages
        }
        return $bytes === '' ? null : $bytes;
    }

    /** Reports whether the connection ended cleanly: by FIN, under TLS by close_notify. */
    public function endedCleanly(): bool
    {
        return $this->cleanEnd;
    }

    public function write(string $bytes): void
    {
        $this->tls?->write($bytes);
        $this->send($this->tls?->output() ?? $bytes);
    }

    public function close(): void
    {
        if ($this->tls !== null) {
            $this->tls->close();
            $this->send($this->tls->output());
        }
        $this->unsent = '';
        $this->socket->close();
    }

    /** @throws SocketException|Late */
    private static function connect(Api $api, float $deadline): Socket
    {
        for (;;) {
            $type = match (true) {
                $api->socket !== null => Socket::TYPE_UNIX,
                str_contains($api->peerName(), ':') => Socket::TYPE_TCP6,
                default => Socket::TYPE_TCP,
            };
            $socket = new Socket($type);
            try {
                return $api->socket !== null
                    ? $socket->connect($api->socket, timeout: Clock::until($deadline))
                    : $socket->connect($api->peerName(), $api->port, Clock::until($deadline));
            } catch (SocketException $error) {
                $socket->close();
                if ($error->getCode() === Errno::ETIMEDOUT || Clock::now() >= $deadline) {
                    throw new Late('the daemon could not connect to the API in time');
                }
                if ($error->getCode() !== Errno::EAGAIN) { // the error of a Unix socket whose queue is full
                    throw $error;
                }
                msleep(self::PAUSE);
            }
        }
    }

    /** @throws SocketException|Late */
    private function receive(float $deadline): string
    {
        if (Clock::now() >= $deadline) {
            throw new Late('the API sent nothing in time');
        }
        try {
            return $this->socket->recvString(self::READ_SIZE, Clock::until($deadline));
        } catch (SocketException $error) {
            throw $error->getCode() === Errno::ETIMEDOUT ? new Late('the API sent nothing in time') : $error;
        }
    }

    private function send(string $bytes): void
    {
        $this->unsent .= $bytes;
        if ($this->sending || $this->unsent === '') {
            return;
        }
        $this->sending = true;
        Coroutine::run(function (): void {
            try {
                while ($this->unsent !== '') {
                    [$bytes, $this->unsent] = [$this->unsent, ''];
                    $this->socket->send($bytes);
                }
            } catch (SocketException) {
                $this->unsent = ''; // reading reports the answer or the failure
            }
            $this->sending = false;
        });
    }
}
