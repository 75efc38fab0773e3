<?php

declare(strict_types=1);

namespace StreamingDaemon;

use Socket;

/**
 * The Unix socket on which handoffs arrive (H1, L1, L2).
 *
 * Nothing here waits: a runtime watches socket() for readability and calls accept()
 * until it returns null.
 */
final class Listener
{
    /** The kernel cuts it to net.core.somaxconn. A web server that finds it full turns its user away. */
    private const BACKLOG = 4096;

    /** The socket file as we made it: its device and inode. */
    private string $own = '';

    private function __construct(private readonly string $path, private readonly Socket $socket)
    {
    }

    /**
     * Binds the path, replacing a socket that nobody listens on any more.
     *
     * @throws UsageError when the path belongs to a living daemon, or to no socket
     */
    public static function open(string $path, int $mode): self
    {
        $folder = dirname($path);
        // Two daemons that start at once must not both find the same stale socket: the
        // lock on the folder lets one of them look and bind after the other.
        $lock = @fopen($folder, 'r') ?: throw new UsageError("$folder: no such folder, or no access to it");
        flock($lock, LOCK_EX);
        try {
            self::removeStale($path);
            $listener = new self($path, self::seqpacket());
            if (!@socket_bind($listener->socket, $path)) {
                throw new UsageError("cannot listen on $path: " . self::lastError($listener->socket));
            }
            // Until it listens the socket refuses everybody, so nobody slips in before the mode is set.
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

    /** The listening socket, to be watched for readability. */
    public function socket(): Socket
    {
        return $this->socket;
    }

    /**
     * The next peer that has connected; null when there is none.
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
            // PHP notes the error in the socket that it could not make, and as the last of all.
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
     * Ends the socket without losing anybody: the path goes first, so that a successor
     * can have it; SHUT_RD then refuses newcomers, while those in the queue can still
     * be accepted.
     */
    public function refuseNewcomers(): void
    {
        $this->unlink();
        @socket_shutdown($this->socket, 0);
    }

    public function close(): void
    {
        $this->unlink();
        socket_close($this->socket);
    }

    /** Removes the socket file if it is still the one that open() made. */
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
            throw new UsageError("$path exists and is no socket: remove it or choose another path");
        }
        $probe = self::seqpacket();
        $connected = @socket_connect($probe, $path);
        $error = socket_last_error($probe);
        socket_close($probe);
        if ($connected || $error !== SOCKET_ECONNREFUSED) {
            throw new UsageError("$path is served by a running daemon: stop it or choose another path");
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
