<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\Client;
use Swow\Coroutine;

/**
 * A client's socket as coroutines use it: writing waits for the client, and a second
 * coroutine watches whether it is still there (U5).
 *
 * A client that shuts down its sending side has left: until something is written it
 * looks the same as one that closed.
 */
final class ClientSocket
{
    /**
     * How often a client that is behind is offered its bytes again, in milliseconds. The
     * kernel says that a socket has room only when a third of its buffer is free, too
     * coarse to tell a slow reader from one that stalls.
     */
    private const OFFER_TIME = 250;

    /** Reads in a row of what a client sends, before others get their turn. */
    private const READS = 16;

    private ?Coroutine $watcher = null;
    private bool $gone = false;

    /** What an interrupted write left: whatever follows must not begin inside an event. */
    private string $unsent = '';

    public function __construct(
        private readonly Client $client,
        private readonly float $writeTimeout,
    ) {
    }

    /** Whether it is still there, looked up now. */
    public function isPresent(): bool
    {
        for ($reads = 0; !$this->gone && $reads < self::READS && ($bytes = $this->client->discard()) !== 0; ++$reads) {
            $this->gone = $bytes === null;
        }
        return !$this->gone;
    }

    /** @param \Closure(): void $onLeft called when it leaves, from another coroutine */
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
     * Sends everything, however long the client takes, as long as it takes something.
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
                throw new ClientLeft('the client left');
            }
            if ($sent > 0) {
                $this->unsent = substr($this->unsent, $sent);
                $progressAt = Clock::now();
                continue;
            }
            $deadline = $progressAt + $this->writeTimeout;
            if (Clock::now() >= $deadline) {
                throw new ClientLeft('the client reads nothing');
            }
            $this->poll(STREAM_POLLOUT, min(self::OFFER_TIME, Clock::until($deadline)));
        }
    }

    /** Ends the connection so that the client gets all that was written (R8). */
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

    /** Ends the connection with a reset: what the client has not been sent is lost. */
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
