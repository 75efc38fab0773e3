<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Socket;
use Swoole\Coroutine;

/**
 * A link is a connection to the API, with one coroutine that moves its bytes in both directions.
 *
 * The event loop accepts a descriptor only once. So only the link's own coroutine waits for the API's
 * socket, in both directions. Other code wakes it to send unsent bytes, or to continue reading.
 */
final class Link
{
    private const READ_SIZE = 65536;
    private const PEEK_SIZE = 65536;

    private string $unsent = '';
    private bool $open = true;
    private readonly Watch $watch;
    private bool $watchesEnd = false;

    /** @var resource the socket's stream, with TLS if the connection has it */
    private $stream;

    /** @param Socket $socket connected and non-blocking */
    public function __construct(
        private readonly Socket $socket,
        private readonly bool $tls,
    ) {
        $this->stream = socket_export_stream($socket);
        $this->watch = new Watch($this->stream);
    }

    /**
     * Starts to pass received bytes to the session.
     *
     * @param bool $watchEnd distinguish a clean end of the connection from a cut
     */
    public function start(Session $session, bool $watchEnd): void
    {
        $this->watchesEnd = $watchEnd;
        Coroutine::create(function () use ($session): void {
            try {
                $this->run($session);
            } finally {
                $this->open = false;
                $this->watch->close();
                socket_close($this->socket); // closes the stream too
            }
        });
    }

    /** Sends bytes. The link's coroutine sends those that the kernel does not accept at once. */
    public function write(string $bytes): void
    {
        $hasBacklog = $this->unsent !== '';
        $this->unsent .= $bytes;
        if ($this->open && !$hasBacklog) {
            $this->flush();
            if ($this->unsent !== '') {
                $this->watch->wake();
            }
        }
    }

    /** Reports whether the kernel has accepted all bytes. */
    public function isFlushed(): bool
    {
        return $this->unsent === '';
    }

    /** Wakes the link's coroutine, for example to continue reading. */
    public function wake(): void
    {
        $this->watch->wake();
    }

    public function close(): void
    {
        $this->open = false;
        $this->wake();
    }

    private function run(Session $session): void
    {
        while ($this->open) {
            $this->flush();
            while ($this->open && $session->wantsMore()) {
                $clean = false;
                $bytes = $this->read($clean);
                if ($bytes === null) {
                    $session->ended($clean);
                    return;
                }
                if ($bytes === '') {
                    break;
                }
                $session->receive($bytes);
            }
            if ($this->open) {
                $events = $session->wantsMore() ? SWOOLE_EVENT_READ : 0;
                $this->watch->wait($events | ($this->unsent !== '' ? SWOOLE_EVENT_WRITE : 0));
            }
        }
    }

    private function flush(): void
    {
        while ($this->unsent !== '') {
            $sent = @fwrite($this->stream, $this->unsent);
            if ($sent === false || $sent === 0) {
                return; // reading reports a broken connection
            }
            $this->unsent = substr($this->unsent, $sent);
        }
    }

    /**
     * Reads the bytes that have arrived.
     *
     * @param bool $clean set to true at a clean end of the connection
     * @return string|null null at the end of the connection
     */
    private function read(bool &$clean): ?string
    {
        if ($this->watchesEnd) {
            // Check the records now: after the read they are gone.
            $size = @socket_recv($this->socket, $wire, self::PEEK_SIZE, MSG_PEEK | MSG_DONTWAIT);
            if ($size === false && in_array(socket_last_error($this->socket), [SOCKET_EAGAIN, SOCKET_EINTR], true)) {
                return '';
            }
            $clean = $size !== false && ($this->tls ? TlsRecords::endWithAlert((string) $wire) : true);
        }
        $bytes = @fread($this->stream, self::READ_SIZE);
        if ($bytes !== false && $bytes !== '') {
            return $bytes;
        }
        return stream_get_meta_data($this->stream)['eof'] ? null : '';
    }
}
