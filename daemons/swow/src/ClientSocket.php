<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\Client;
use Swow\Coroutine;

/**
 * A client's socket for coroutines. write() waits for the client, and a second coroutine notices when
 * the client leaves (U5).
 *
 * A client that shuts down its sending side counts as gone: only a write could distinguish it from one
 * that closed.
 */
final class ClientSocket
{
    /**
     * The time between two attempts to send to a client with a backlog, in milliseconds. The kernel
     * reports room only when a third of its buffer is free. That is too late to distinguish a slow client
     * from a stalled one.
     */
    private const RETRY_TIME = 250;

    /** How many reads isPresent() makes before it returns. */
    private const READS = 16;

    private ?Coroutine $watcher = null;
    private bool $gone = false;

    /** The rest of an interrupted write. The next write sends it first, so that no event is cut. */
    private string $unsent = '';

    public function __construct(
        private readonly Client $client,
        private readonly float $writeTimeout,
    ) {
    }

    /** Checks if the client has left. It reads and discards the client's bytes. */
    public function isPresent(): bool
    {
        for ($reads = 0; !$this->gone && $reads < self::READS && ($bytes = $this->client->discard()) !== 0; ++$reads) {
            $this->gone = $bytes === null;
        }
        return !$this->gone;
    }

    /** @param \Closure(): void $onLeft called from another coroutine when the client leaves */
    public function watch(\Closure $onLeft): void
    {
        $this->watcher = Coroutine::run(function () use ($onLeft): void {
            do {
                $this->poll(STREAM_POLLIN, -1);
            } while ($this->isPresent());
            $this->watcher = null;
            $onLeft();
        });
    }

    /**
     * Sends all bytes, and waits while the client does not read. The timeout starts again with each byte
     * that the client's kernel accepts.
     *
     * @throws ClientLeft
     */
    public function write(string $bytes): void
    {
        $this->unsent .= $bytes;
        $progressAt = Clock::now();
        while ($this->unsent !== '') {
            $sent = $this->client->write($this->unsent);
            if ($sent === null) {
                throw new ClientLeft('the client closed the connection');
            }
            if ($sent > 0) {
                $this->unsent = substr($this->unsent, $sent);
                $progressAt = Clock::now();
                continue;
            }
            $deadline = $progressAt + $this->writeTimeout;
            if (Clock::now() >= $deadline) {
                throw new ClientLeft('the client read nothing for --write-timeout');
            }
            $this->poll(STREAM_POLLOUT, min(self::RETRY_TIME, Clock::until($deadline)));
        }
    }

    /** Ends the connection after the client has received all written bytes (R8). */
    public function finish(): void
    {
        $this->unwatch();
        $this->client->shutdown();
        $deadline = Clock::now() + Client::LINGER_TIME;
        for ($size = 0; !$this->gone && $size < Client::LINGER_BYTES && Clock::now() < $deadline;) {
            $bytes = $this->client->discard();
            $this->gone = $bytes === null;
            $size += $bytes ?? 0;
            if ($bytes === 0) {
                $this->poll(STREAM_POLLIN, Clock::until($deadline));
            }
        }
        $this->client->close();
    }

    /** Resets the connection, and discards the unsent bytes. */
    public function abort(): void
    {
        $this->unwatch();
        $this->client->reset();
    }

    private function unwatch(): void
    {
        [$watcher, $this->watcher] = [$this->watcher, null];
        $watcher?->kill();
    }

    private function poll(int $events, int $milliseconds): void
    {
        stream_poll_one($this->client->stream(), $events, $milliseconds);
    }
}
