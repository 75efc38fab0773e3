<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Socket;
use Swoole\Coroutine;
use Swoole\Coroutine\System;

/**
 * A connection to the API: bytes in both directions, and one coroutine that moves them.
 *
 * Swoole lets one coroutine wait for a descriptor. So the link's own one waits for
 * both directions, and whoever wants something else of it, to send what the kernel
 * did not take or to read on, wakes it. Nobody else ever waits for the API's socket.
 */
final class Link
{
    private const READ_SIZE = 65536;
    private const PEEK_SIZE = 65536;

    private string $unsent = '';
    private bool $open = true;
    private int $coroutine = 0;
    private bool $waiting = false;
    private ?Socket $raw = null;

    /** @param resource $stream connected and not blocking */
    public function __construct(
        private $stream,
        private readonly bool $tls,
    ) {
    }

    /**
     * Hands what arrives to the session, from now on.
     *
     * @param bool $tellEnds whether the session needs to know how the connection ends
     */
    public function start(Session $session, bool $tellEnds): void
    {
        if ($tellEnds) {
            $this->raw = socket_import_stream($this->stream) ?: null;
        }
        Coroutine::create(function () use ($session): void {
            $this->coroutine = Coroutine::getCid();
            try {
                $this->run($session);
            } finally {
                $this->open = false;
                $this->raw = null;
                fclose($this->stream);
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
                $this->wake();
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
        if ($this->waiting) {
            Coroutine::cancel($this->coroutine);
        }
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
                $this->wait($session->wantsMore());
            }
        }
    }

    private function wait(bool $reads): void
    {
        $events = ($reads ? SWOOLE_EVENT_READ : 0) | ($this->unsent !== '' ? SWOOLE_EVENT_WRITE : 0);
        $this->waiting = true;
        $events === 0 ? Coroutine::yield() : System::waitEvent($this->stream, $events);
        $this->waiting = false;
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
        $wire = '';
        if ($this->raw !== null) {
            $size = @socket_recv($this->raw, $wire, self::PEEK_SIZE, MSG_PEEK | MSG_DONTWAIT);
            if ($size === false && in_array(socket_last_error($this->raw), [SOCKET_EAGAIN, SOCKET_EINTR], true)) {
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
