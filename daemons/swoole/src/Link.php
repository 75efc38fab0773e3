<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Socket;
use Swoole\Coroutine;

/**
 * A connection to the API: bytes in both directions, and one coroutine that moves them.
 *
 * A descriptor is in the event loop once. So the link's own coroutine waits for both
 * directions, and whoever wants something else of it, to send what the kernel did not
 * take or to read on, wakes it. Nobody else ever waits for the API's socket.
 */
final class Link
{
    private const READ_SIZE = 65536;
    private const PEEK_SIZE = 65536;

    private string $unsent = '';
    private bool $open = true;
    private readonly Watch $watch;
    private bool $tellsEnds = false;

    /** @var resource the socket, through TLS if there is any */
    private $stream;

    /** @param Socket $socket connected, and not blocking */
    public function __construct(
        private readonly Socket $socket,
        private readonly bool $tls,
    ) {
        $this->stream = socket_export_stream($socket);
        $this->watch = new Watch($this->stream);
    }

    /**
     * Hands what arrives to the session, from now on.
     *
     * @param bool $tellEnds whether the session needs to know how the connection ends
     */
    public function start(Session $session, bool $tellEnds): void
    {
        $this->tellsEnds = $tellEnds;
        Coroutine::create(function () use ($session): void {
            try {
                $this->run($session);
            } finally {
                $this->open = false;
                $this->watch->close();
                socket_close($this->socket); // and the stream
            }
        });
    }

    /** Sends now what the kernel takes, and the rest as soon as it does. */
    public function write(string $bytes): void
    {
        $waits = $this->unsent !== '';
        $this->unsent .= $bytes;
        if ($this->open && !$waits) {
            $this->flush();
            if ($this->unsent !== '') {
                $this->watch->wake();
            }
        }
    }

    /** Whether everything has been sent. */
    public function isFlushed(): bool
    {
        return $this->unsent === '';
    }

    /** Has the link look again for what is to be done. */
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
                return; // if the connection broke, reading tells
            }
            $this->unsent = substr($this->unsent, $sent);
        }
    }

    /**
     * Reads what is there.
     *
     * @param bool $clean set when the connection has ended: whether it ended as it should
     * @return string|null null when the connection has ended
     */
    private function read(bool &$clean): ?string
    {
        if ($this->tellsEnds) {
            // What reading is about to take: whoever has taken it cannot tell any more.
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
