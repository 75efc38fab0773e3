<?php

declare(strict_types=1);

namespace StreamingDaemon;

use Socket;

/**
 * A client's socket, as it was handed over.
 *
 * Each call says MSG_DONTWAIT for itself, so it does not matter whether the descriptor
 * is blocking (H8), and the flag that it shares with the web server's copy stays as it
 * is. Nothing here waits: a runtime watches socket() or stream() and calls again.
 */
final class Client
{
    /** The bounds on discarding what a client sends after the answer's end, in seconds and bytes (R8). */
    public const LINGER_TIME = 1.0;
    public const LINGER_BYTES = 1 << 20;

    /**
     * How much the kernel may hold that is not yet on its way (TCP_NOTSENT_LOWAT). With
     * less queued, a client that reads a little is seen to make room a little later, and
     * is not taken for one that stalls.
     */
    private const MAX_UNSENT = 128 << 10;
    private const TCP_NOTSENT_LOWAT = 25;

    /** @var resource|null */
    private $stream = null;

    private bool $open = true;

    private function __construct(private readonly Socket $socket)
    {
    }

    /** Null when it is no connected stream socket; then it is closed with nothing written to it (H6). */
    public static function adopt(Socket $socket): ?self
    {
        if (
            @socket_get_option($socket, SOL_SOCKET, SO_TYPE) !== SOCK_STREAM
            || !@socket_getpeername($socket, $address)
        ) {
            return null;
        }
        // On a Unix socket these fail, and are not needed.
        @socket_set_option($socket, SOL_TCP, TCP_NODELAY, 1);
        @socket_set_option($socket, SOL_TCP, self::TCP_NOTSENT_LOWAT, self::MAX_UNSENT);
        return new self($socket);
    }

    public function socket(): Socket
    {
        return $this->socket;
    }

    /** @return resource the same socket as a PHP stream, to be watched but not read or written */
    public function stream()
    {
        return $this->stream ??= socket_export_stream($this->socket);
    }

    /**
     * Sends what the kernel takes at once.
     *
     * @return int|null how many bytes; null when the client has gone
     */
    public function write(string $bytes): ?int
    {
        if (!$this->open) {
            return null;
        }
        do {
            $sent = @socket_send($this->socket, $bytes, strlen($bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
        } while ($sent === false && socket_last_error($this->socket) === SOCKET_EINTR);
        if ($sent !== false) {
            return $sent;
        }
        return socket_last_error($this->socket) === SOCKET_EAGAIN ? 0 : null;
    }

    /**
     * Discards what the client has sent.
     *
     * @return int|null how many bytes, 0 when there are none; null when the client has left
     */
    public function discard(): ?int
    {
        if (!$this->open) {
            return null;
        }
        do {
            $got = @socket_recv($this->socket, $bytes, 64 << 10, MSG_DONTWAIT);
        } while ($got === false && socket_last_error($this->socket) === SOCKET_EINTR);
        if ($got === false) {
            return socket_last_error($this->socket) === SOCKET_EAGAIN ? 0 : null;
        }
        return $got === 0 ? null : $got;
    }

    /** The client sees the end from here on, even while somebody else still holds the socket (R8). */
    public function shutdown(): void
    {
        if ($this->open) {
            @socket_shutdown($this->socket, 1);
        }
    }

    /**
     * Drops a client that no longer reads or is no longer there. What waits in the kernel
     * is dropped with it: half an answer must not look like a whole one.
     */
    public function reset(): void
    {
        if ($this->open) {
            @socket_set_option($this->socket, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
            @socket_shutdown($this->socket, 2);
            $this->close();
        }
    }

    /** Nothing may be watching the socket or the stream any more. */
    public function close(): void
    {
        if ($this->open) {
            $this->open = false;
            socket_close($this->socket); // and the stream, if there is one
        }
    }
}
