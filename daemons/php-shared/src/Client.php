<?php

declare(strict_types=1);

namespace StreamingDaemon;

use Socket;

/**
 * A client's socket, which the web server has handed over.
 *
 * Each call passes MSG_DONTWAIT, so the descriptor may be blocking or not (H8). The flags, which it
 * shares with the web server's copy, do not change. No method waits: a runtime watches socket() or
 * stream(), and calls again.
 */
final class Client
{
    /** The contract's limits on reading after the answer's end, in seconds and bytes (R8). */
    public const LINGER_TIME = 1.0;
    public const LINGER_BYTES = 1 << 20;

    /**
     * The most unsent bytes in the kernel (TCP_NOTSENT_LOWAT), in bytes. With a short queue the
     * kernel soon reports that a slow client has read some bytes, so it does not look stalled.
     */
    private const MAX_UNSENT = 128 << 10;
    private const TCP_NOTSENT_LOWAT = 25;

    /** @var resource|null */
    private $stream = null;

    private bool $open = true;

    private function __construct(private readonly Socket $socket)
    {
    }

    /** Returns null unless it is a connected stream socket. PHP then closes it, with nothing written to it (H6). */
    public static function adopt(Socket $socket): ?self
    {
        if (
            @socket_get_option($socket, SOL_SOCKET, SO_TYPE) !== SOCK_STREAM
            || !@socket_getpeername($socket, $address)
        ) {
            return null;
        }
        // Unix sockets refuse these options, and do not need them.
        @socket_set_option($socket, SOL_TCP, TCP_NODELAY, 1);
        @socket_set_option($socket, SOL_TCP, self::TCP_NOTSENT_LOWAT, self::MAX_UNSENT);
        return new self($socket);
    }

    public function socket(): Socket
    {
        return $this->socket;
    }

    /** @return resource the same socket as a PHP stream, only for watching */
    public function stream()
    {
        return $this->stream ??= socket_export_stream($this->socket);
    }

    /**
     * Sends as many bytes as the kernel accepts without waiting.
     *
     * @return int|null the number of bytes; null when the client has left
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
     * Reads and discards what the client has sent.
     *
     * @return int|null the number of bytes, 0 when there are none; null when the client has left
     */
    public function discard(): ?int
    {
        if (!$this->open) {
            return null;
        }
        do {
            $count = @socket_recv($this->socket, $bytes, 64 << 10, MSG_DONTWAIT);
        } while ($count === false && socket_last_error($this->socket) === SOCKET_EINTR);
        if ($count === false) {
            return socket_last_error($this->socket) === SOCKET_EAGAIN ? 0 : null;
        }
        return $count === 0 ? null : $count;
    }

    /** Ends the answer. The client sees the end even while the web server still holds the socket (R8). */
    public function shutdown(): void
    {
        if ($this->open) {
            @socket_shutdown($this->socket, 1);
        }
    }

    /**
     * Resets the connection of a client that stalled or left. The reset discards the kernel's send
     * buffer, so that half an answer does not look like a complete one.
     */
    public function reset(): void
    {
        if ($this->open) {
            @socket_set_option($this->socket, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
            @socket_shutdown($this->socket, 2);
            $this->close();
        }
    }

    /** Closes the socket. Stop watching the socket and the stream before it. */
    public function close(): void
    {
        if ($this->open) {
            $this->open = false;
            socket_close($this->socket); // closes the stream too
        }
    }
}
