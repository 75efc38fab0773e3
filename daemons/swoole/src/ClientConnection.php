<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Client;
use Swoole\Coroutine;

/**
 * A client's socket, and the coroutine that watches it until it is closed.
 *
 * The exchange writes; what the kernel does not take at once, the watcher sends. It
 * also notices that the client left (U5), that it stopped reading, and sees the
 * connection off after the last byte (R8). A client that shuts down its sending side
 * has left: until something is written it looks the same as one that closed.
 */
final class ClientConnection
{
    /** Unsent bytes at which the API has to wait. */
    private const HIGH_WATER = 32768;

    /**
     * How often a client that is behind is offered its bytes again, in seconds. The kernel
     * says that a socket has room only when a third of its buffer is free, too coarse to
     * tell a slow reader from one that stalls.
     */
    private const OFFER_TIME = 0.25;

    /** Reads in a row of what a client sends, before others get their turn. */
    private const READS = 16;

    private readonly Watch $watch;
    private string $unsent = '';
    private float $progressAt = 0.0;
    /** It sends no more: it closed, or shut down its sending side. */
    private bool $gone = false;
    /** Nothing can reach it any more. */
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

    /** Watches it from now on; that a client left already is known when this returns. */
    public function watch(): void
    {
        Coroutine::create(function (): void {
            while (!$this->over()) {
                $this->wait();
            }
            $this->watch->close();
            // What waits in the kernel goes with a reset: half an answer must not look like a whole one.
            $this->unsent === '' ? $this->client->close() : $this->client->reset();
            ($this->onClosed)();
        });
    }

    /** Sends, now or as soon as the client takes it. */
    public function write(string $bytes): void
    {
        if ($this->broken || $this->finishing || $bytes === '') {
            return;
        }
        $behind = $this->unsent !== '';
        $this->unsent .= $bytes;
        if (!$behind) {
            $this->progressAt = Clock::now();
            $this->send();
            if ($this->unsent !== '') {
                $this->watch->wake();
            }
        }
    }

    /** Waits while the client is behind by so much that the API has to wait; says whether it was. */
    public function drain(): bool
    {
        if (strlen($this->unsent) <= self::HIGH_WATER) {
            return false;
        }
        return $this->condition->wait(fn (): bool => $this->unsent === '', INF);
    }

    /** Nothing follows: what is unsent is sent, then the connection is ended gently. */
    public function finish(): void
    {
        $this->finishing = true;
        $this->watch->wake();
    }

    /** Ends the connection now: what is unsent is lost, and the client told so by a reset. */
    public function abort(): void
    {
        $this->broken = true;
        $this->watch->wake();
    }

    /** Does what can be done now; says whether nothing is left to do. */
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
            $this->leave('the client reads nothing');
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
            $this->unsent !== '' => min(self::OFFER_TIME, $this->progressAt + $this->writeTimeout - $now),
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
                $this->leave('the client left');
            }
        }
    }

    private function send(): void
    {
        while ($this->unsent !== '' && !$this->broken) {
            $sent = $this->client->write($this->unsent);
            if ($sent === null) {
                $this->broken = true;
                $this->leave('the client left');
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

    private function leave(string $how): void
    {
        if (!$this->finishing) {
            $this->condition->interrupt(new ClientLeft($how));
        }
    }
}
