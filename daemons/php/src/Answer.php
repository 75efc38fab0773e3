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
 * The writer of a client's answer, which also watches the client.
 *
 * It reads and discards what the client sends until the socket is closed. So the daemon notices that
 * the client left while the API is silent (U5). And no unread byte can turn the daemon's close into
 * a reset, which would destroy the end of the answer (R8). A client that shuts down its sending side
 * looks like one that has left, and counts as gone (R9).
 */
final class Answer
{
    /** The time to write the end of an interrupted answer, and then the time for the client to close, in seconds. */
    private const FINAL_WRITE_TIME = 0.1;
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
     * Sends a part of the answer. It waits while the client does not read.
     *
     * @throws ClientLostException|CancelledException when interrupted; end() sends the rest
     */
    public function write(string $bytes): void
    {
        $this->unsent .= $bytes;
        while ($this->unsent !== '') {
            $sent = $this->interrupt->isCancelled() ? 0 : $this->client->write($this->unsent);
            if ($sent === null) {
                throw new ClientLostException('the client closed the connection');
            }
            if ($sent > 0) {
                $this->unsent = substr($this->unsent, $sent);
                continue;
            }
            // The timeout counts from the last byte that the client's kernel accepted.
            $stalled = new TimeoutCancellation($this->writeTimeout);
            $interrupt = $this->interrupt->getCancellation();
            try {
                $this->writable->wait(new CompositeCancellation($stalled, $interrupt));
            } catch (CancelledException $reason) {
                $interrupt->throwIfRequested();
                throw new ClientLostException('the client read nothing for --write-timeout', previous: $reason);
            }
        }
    }

    /** Ends the running write and all later ones at once. */
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
     * Sends the end of the answer. After an interrupt it first sends the rest of the interrupted
     * write, so that $bytes begin on an event boundary. It then has only FINAL_WRITE_TIME for both.
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

    /** Waits for the client to leave after end(), and closes the socket. */
    public function linger(): void
    {
        $bound = new TimeoutCancellation($this->hurry ? self::HURRIED_LINGER : Client::LINGER_TIME);
        try {
            while (!$this->gone) {
                $this->left->wait($bound);
            }
        } catch (CancelledException) {
            // The client did not close in time.
        }
        $this->release();
        $this->client->close();
    }

    /** Resets the connection of a client that stalled or left. */
    public function abandon(): void
    {
        $this->release();
        $this->client->reset();
    }

    private function writeInHaste(string $bytes): void
    {
        $bytes = $this->unsent . $bytes;
        $bound = new TimeoutCancellation(self::FINAL_WRITE_TIME);
        try {
            while ($bytes !== '') {
                $sent = $this->client->write($bytes);
                if ($sent === null) {
                    throw new ClientLostException('the client closed the connection');
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
        $count = $this->client->discard();
        if ($this->ending) {
            $this->budget -= $count ?? 0;
        }
        if ($count === null || $this->budget <= 0) {
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
