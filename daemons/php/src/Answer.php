<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\CancelledException;
use Amp\CompositeCancellation;
use Amp\DeferredCancellation;
use Amp\TimeoutCancellation;
use Revolt\EventLoop;
use StreamingDaemon\Client;

/**
 * The answer on its way to the client, and the client watched meanwhile.
 *
 * Whatever the client sends is read and discarded for as long as the socket is held:
 * that is how its leaving is noticed while the API is silent (U5), and how unread bytes
 * are kept from turning our closing into a reset that destroys the answer's tail (R8).
 * A client that shuts down its sending side looks just like one that left, and is
 * treated as such (R9).
 */
final class Answer
{
    /** How long the last of an interrupted answer may take to write, and to be read; seconds. */
    private const LAST_WORDS = 0.1;
    private const HURRIED_LINGER = 0.1;

    private readonly Readiness $writable;
    private readonly string $watch;
    private readonly Signal $left;
    private readonly DeferredCancellation $interrupt;
    private string $unsent = '';
    private bool $ending = false;
    private bool $gone = false;
    private bool $hurry = false;
    private int $budget = Client::LINGER_BYTES;

    /** @param \Closure():void $onLeft called when the client leaves before the answer's end */
    public function __construct(
        private readonly Client $client,
        private readonly float $writeTimeout,
        private readonly \Closure $onLeft,
    ) {
        $stream = $client->stream();
        $this->writable = Readiness::toWrite($stream);
        $this->left = new Signal();
        $this->interrupt = new DeferredCancellation();
        $this->watch = EventLoop::onReadable($stream, $this->discard(...));
    }

    /**
     * Sends a part of the answer, at the client's pace.
     *
     * @throws ClientLostException|CancelledException when interrupted; the rest is kept for end()
     */
    public function write(string $bytes): void
    {
        $this->unsent .= $bytes;
        while ($this->unsent !== '') {
            $sent = $this->interrupt->isCancelled() ? 0 : $this->client->write($this->unsent);
            if ($sent === null) {
                throw new ClientLostException('the client left');
            }
            if ($sent > 0) {
                $this->unsent = substr($this->unsent, $sent);
                continue;
            }
            // Time counts from the last byte that the client's kernel took.
            $stalled = new TimeoutCancellation($this->writeTimeout);
            $interrupt = $this->interrupt->getCancellation();
            try {
                $this->writable->wait(new CompositeCancellation($stalled, $interrupt));
            } catch (CancelledException $reason) {
                $interrupt->throwIfRequested();
                throw new ClientLostException('the client read nothing for too long', previous: $reason);
            }
        }
    }

    /** Makes the write that waits, and those to come, end at once. */
    public function interrupt(): void
    {
        $this->hurry = true;
        if (!$this->ending) {
            $this->interrupt->cancel();
        } else {
            EventLoop::delay(self::HURRIED_LINGER, $this->giveUp(...));
        }
    }

    /**
     * Sends the last of the answer. What an interrupted write has left over comes first,
     * so that it stands on an event boundary; then little time is left.
     *
     * @throws ClientLostException
     */
    public function end(string $bytes): void
    {
        $this->ending = true;
        if (!$this->interrupt->isCancelled()) {
            $this->write($bytes);
        } else {
            $this->writeInHaste($bytes);
        }
        $this->client->shutdown();
    }

    /** Waits, after end(), for the client to leave, and closes. */
    public function linger(): void
    {
        $bound = new TimeoutCancellation($this->hurry ? self::HURRIED_LINGER : Client::LINGER_TIME);
        try {
            while (!$this->gone) {
                $this->left->wait($bound);
            }
        } catch (CancelledException) {
            // It had its time.
        }
        $this->release();
        $this->client->close();
    }

    /** Drops a client that is lost. */
    public function abandon(): void
    {
        $this->release();
        $this->client->reset();
    }

    private function writeInHaste(string $bytes): void
    {
        $bytes = $this->unsent . $bytes;
        $bound = new TimeoutCancellation(self::LAST_WORDS);
        try {
            while ($bytes !== '') {
                $sent = $this->client->write($bytes);
                if ($sent === null) {
                    throw new ClientLostException('the client left');
                }
                $bytes = substr($bytes, $sent);
                if ($sent === 0) {
                    $this->writable->wait($bound);
                }
            }
        } catch (CancelledException) {
            throw new ClientLostException('the client did not read the end of its answer in time');
        }
    }

    private function discard(): void
    {
        $got = $this->client->discard();
        if ($this->ending) {
            $this->budget -= $got ?? 0;
        }
        if ($got === null || $this->budget <= 0) {
            $this->giveUp();
        }
    }

    private function giveUp(): void
    {
        if (!$this->gone) {
            $this->gone = true;
            EventLoop::cancel($this->watch);
            $this->left->fire();
            if (!$this->ending) {
                ($this->onLeft)();
            }
        }
    }

    private function release(): void
    {
        $this->gone = true;
        EventLoop::cancel($this->watch);
        $this->writable->close();
    }
}
