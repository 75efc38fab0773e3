<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\Api;
use Swow\Coroutine;
use Swow\Errno;
use Swow\Socket;
use Swow\SocketException;

/**
 * A connection to the API, through TLS if it asks for it.
 *
 * Reading blocks the coroutine that reads. Writing does not: what the kernel does not
 * take at once goes out in a coroutine of its own, because an API may answer before it
 * has read the request, and it must be heard then.
 */
final class Transport
{
    /** Milliseconds until a Unix socket whose queue is full is tried again. */
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
                    throw new TlsException('the API ended the handshake');
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

    /** The protocol that the API chose in the handshake. */
    public function protocol(): string
    {
        return $this->tls?->protocol() ?? '';
    }

    /**
     * Waits for bytes.
     *
     * @return string|null null when the API has ended the connection
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
            $this->write(''); // TLS may have something to say
        }
        return $bytes === '' ? null : $bytes;
    }

    /** Whether the end was one: by FIN, under TLS by close_notify. */
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
                    throw new Late('the API could not be reached in time');
                }
                if ($error->getCode() !== Errno::EAGAIN) { // a Unix socket's way to say that its queue is full
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
            throw new Late('the API is silent');
        }
        try {
            return $this->socket->recvString(self::READ_SIZE, Clock::until($deadline));
        } catch (SocketException $error) {
            throw $error->getCode() === Errno::ETIMEDOUT ? new Late('the API is silent') : $error;
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
                $this->unsent = ''; // whether that matters shows in what the API says
            }
            $this->sending = false;
        });
    }
}
