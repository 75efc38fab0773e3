<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Client;
use Swoole\Coroutine;

/**
 * A client's socket, with a coroutine that watches it until it is closed.
 *
 * The exchange writes. The watcher sends the bytes that the kernel does not accept at once. It also
 * notices that the client left (U5) or stalled, and lingers after the last byte (R8). A client that
 * shuts down its sending side counts as gone: only a write could distinguish it from one that closed.
 */
final class ClientConnection
{
    /** The number of unsent bytes above which the exchange pauses the API. */
    private const HIGH_WATER = 32768;

    /**
     * The time between two attempts to send to a client with a backlog, in seconds. The kernel reports
     * room only when a third of its buffer is free. That is too late to distinguish a slow client from
     * a stalled one.
     */
    private const RETRY_TIME = 0.25;

    /** How many reads the watcher makes before it yields. */
    private const READS = 16;

    private readonly Watch $watch;
    private string $unsent = '';
    private float $progressAt = 0.0;
    /** The client has closed, or has shut down its sending side. */
    private bool $gone = false;
    /** The client can receive nothing more. */
    private bool $broken = false;
    private bool $finishing = false;
    private ?float $lingerUntil = null;
    private int $discarded = 0;

    /** @param \Closure(): void $onClosed called once, when the descriptor is closed */
    public function __construct(
        private readonly Client $client,
        private readonly Condition $condition,
        private readonly float $writeTimeout,
        private readonly \Closure $onClosed,
    ) {
        $this->watch = new Watch($client->stream());
    }

    /** Starts the watcher. It checks at once if the client has already left. */
    public function watch(): void
    {
        Coroutine::create(function (): void {
            while (!$this->over()) {
                $this->wait();
            }
            $this->watch->close();
            // A reset discards the kernel's send buffer: half an answer must not look like a complete one.
            $this->unsent === '' ? $this->client->close() : $this->client->reset();
            ($this->onClosed)();
        });
    }

    /** Sends bytes, now or when the client reads. */
    public function write(string $bytes): void
    {
        if ($this->broken || $this->finishing || $bytes === '') {
            return;
        }
        $hasBacklog = $this->unsent !== '';
        $this->unsent .= $bytes;
        if (!$hasBacklog) {
            $this->progressAt = Clock::now();
            $this->send();
            if ($this->unsent !== '') {
                $this->watch->wake();
            }
        }
    }

    /** Waits for the client if its backlog is large. Returns true if it has waited. */
    public function drain(): bool
    {
        if (strlen($this->unsent) <= self::HIGH_WATER) {
            return false;
        }
        return $this->condition->wait(fn (): bool => $this->unsent === '', INF);
    }

    /** Ends the answer. The watcher sends the backlog and then lingers. */
    public function finish(): void
    {
        $this->finishing = true;
        $this->watch->wake();
    }

    /** Resets the connection now, and discards the backlog. */
    public function abort(): void
    {
        $this->broken = true;
        $this->watch->wake();
    }

    /** Reads and sends without waiting. Returns true if the connection can be closed. */
    private function over(): bool
    {
        $this->discard();
        $this->send();
        if ($this->finishing && !$this->broken && $this->unsent === '' && $this->lingerUntil === null) {
            $this->client->shutdown();
            $this->lingerUntil = Clock::now() + Client::LINGER_TIME;
        }
        if ($this->lingerUntil !== null) {
            return $this->gone || $this->discarded >= Client::LINGER_BYTES || Clock::now() >= $this->lingerUntil;
        }
        if ($this->unsent !== '' && Clock::now() >= $this->progressAt + $this->writeTimeout) {
            $this->leave('the client read nothing for --write-timeout');
            return true;
        }
        return $this->broken && ($this->finishing || $this->unsent !== '');
    }

    private function wait(): void
    {
        $events = ($this->gone ? 0 : SWOOLE_EVENT_READ) | ($this->unsent === '' ? 0 : SWOOLE_EVENT_WRITE);
        $now = Clock::now();
        $timeout = match (true) {
            $this->lingerUntil !== null => $this->lingerUntil - $now,
            $this->unsent !== '' => min(self::RETRY_TIME, $this->progressAt + $this->writeTimeout - $now),
            default => INF,
        };
        $this->watch->wait($events, $timeout);
    }

    private function discard(): void
    {
        for ($reads = 0; !$this->gone && $reads < self::READS && ($bytes = $this->client->discard()) !== 0; ++$reads) {
            $this->discarded += $this->lingerUntil === null ? 0 : $bytes ?? 0;
            if ($bytes === null) {
                $this->gone = true;
                $this->leave('the client closed the connection');
            }
        }
    }

    private function send(): void
    {
        while ($this->unsent !== '' && !$this->broken) {
            $sent = $this->client->write($this->unsent);
            if ($sent === null) {
                $this->broken = true;
                $this->leave('the client closed the connection');
            } elseif ($sent === 0) {
                return;
            } else {
                $this->unsent = substr($this->unsent, $sent);
                $this->progressAt = Clock::now();
            }
        }
        if ($this->unsent === '') {
            $this->condition->notify();
        }
    }

    private function leave(string $reason): void
    {
        if (!$this->finishing) {
            $this->condition->interrupt(new ClientLeft($reason));
        }
    }
}
