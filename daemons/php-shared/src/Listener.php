<?php

declare(strict_types=1);

namespace StreamingDaemon;

use Socket;

/**
 * The listener is the Unix socket on which handoffs arrive (H1, L1, L2).
 *
 * No method waits: a runtime watches socket() for readability, and calls accept() until it returns
 * null.
 */
final class Listener
{
    /**
     * How many handoffs may wait in the kernel's queue. The kernel limits it to net.core.somaxconn. A
     * web server that finds the queue full refuses its user.
     */
    private const BACKLOG = 4096;

    /** Device and inode of the socket file that open() made. */
    private string $own = '';

    private function __construct(private readonly string $path, private readonly Socket $socket)
    {
    }

    /**
     * Binds the path. Replaces a socket file that a dead daemon left.
     *
     * @throws UsageError when the path is a live daemon's socket, or not a socket
     */
    public static function open(string $path, int $mode): self
    {
        $folder = dirname($path);
        // Two daemons that start at once must not both find the same stale socket. The lock on the
        // folder makes the second one check and bind after the first one.
        $lock = @fopen($folder, 'r') ?: throw new UsageError("$folder: the folder does not exist or is not readable");
        flock($lock, LOCK_EX);
        try {
            self::removeStale($path);
            $listener = new self($path, self::seqpacket());
            if (!@socket_bind($listener->socket, $path)) {
                throw new UsageError("cannot listen on $path: " . self::lastError($listener->socket));
            }
            // The socket refuses every peer until it listens, so no peer connects before chmod.
            chmod($path, $mode);
            $listener->own = $listener->identity();
            if (!@socket_listen($listener->socket, self::BACKLOG)) {
                throw new UsageError("cannot listen on $path: " . self::lastError($listener->socket));
            }
            socket_set_nonblock($listener->socket);
            return $listener;
        } finally {
            fclose($lock);
        }
    }

    /** Returns the listening socket, to watch for readability. */
    public function socket(): Socket
    {
        return $this->socket;
    }

    /**
     * Returns the next connected peer, or null.
     *
     * @throws Exhausted
     */
    public function accept(): ?Socket
    {
        for (;;) {
            socket_clear_error();
            $peer = @socket_accept($this->socket);
            if ($peer !== false) {
                return $peer;
            }
            // PHP stores the error in the socket that it could not make, and as the global last error.
            switch ($error = socket_last_error()) {
                case SOCKET_EINTR:
                case SOCKET_ECONNABORTED:
                    break;
                case SOCKET_EMFILE:
                case SOCKET_ENFILE:
                case SOCKET_ENOBUFS:
                case SOCKET_ENOMEM:
                    throw new Exhausted(socket_strerror($error));
                default:
                    return null;
            }
        }
    }

    /**
     * Refuses new peers without losing a queued one. It removes the path first, so a successor can
     * bind it. SHUT_RD then refuses new peers, and accept() still returns the queued ones.
     */
    public function refuseNewPeers(): void
    {
        $this->unlink();
        @socket_shutdown($this->socket, 0);
    }

    public function close(): void
    {
        $this->unlink();
        socket_close($this->socket);
    }

    /** Removes the socket file if open() made it. */
    private function unlink(): void
    {
        if ($this->own !== '' && $this->identity() === $this->own) {
            @unlink($this->path);
        }
        $this->own = '';
    }

    private function identity(): string
    {
        clearstatcache(true, $this->path);
        $stat = @lstat($this->path);
        return $stat === false ? '' : "$stat[dev]:$stat[ino]";
    }

    private static function removeStale(string $path): void
    {
        clearstatcache(true, $path);
        $type = @filetype($path);
        if ($type === false) {
            return;
        }
        if ($type !== 'socket') {
            throw new UsageError("$path exists and is not a socket: remove it or choose another path");
        }
        $probe = self::seqpacket();
        $connected = @socket_connect($probe, $path);
        $error = socket_last_error($probe);
        socket_close($probe);
        if ($connected || $error !== SOCKET_ECONNREFUSED) {
            throw new UsageError("a running daemon serves $path: stop it or choose another path");
        }
        unlink($path);
    }

    private static function seqpacket(): Socket
    {
        $socket = socket_create(AF_UNIX, SOCK_SEQPACKET, 0);
        if ($socket === false) {
            throw new Exhausted(socket_strerror(socket_last_error()));
        }
        return $socket;
    }

    private static function lastError(Socket $socket): string
    {
        return socket_strerror(socket_last_error($socket));
    }
}
