<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Problem;
use Swoole\Timer;

/**
 * One response of the API, on its way from a connection to an exchange.
 *
 * The connection's coroutine puts in what arrives, the exchange's takes it out at its
 * client's pace. What was taken is reported back to the connection, which then lets
 * the API send more: that is all of back pressure (U6). Everything that arrived
 * before a failure is handed out before the failure is thrown.
 */
abstract class Reply
{
    /** What an API may still send after its `[DONE]` before it is cut off: the end of the body. */
    private const RELEASE_SECONDS = 0.5;
    private const RELEASE_BYTES = 65536;

    private ?ApiAnswer $head = null;
    private string $waiting = '';
    private bool $over = false;
    private ?\Throwable $failure = null;
    private ?int $releaseTimer = null;
    private int $released = 0;

    public function __construct(private readonly Condition $condition)
    {
    }

    // The exchange's side.

    /**
     * Waits for the response's head.
     *
     * @throws Problem|Unprocessed
     */
    public function head(float $deadline): ApiAnswer
    {
        if (!$this->condition->wait(fn (): bool => $this->head !== null || $this->over, $deadline)) {
            throw Problem::firstByteTimeout();
        }
        return $this->head ?? throw $this->failure ?? Problem::unreachable();
    }

    /**
     * Waits for more of the body.
     *
     * @return string|null null when it has ended cleanly
     * @throws Problem
     */
    public function read(float $deadline): ?string
    {
        if (!$this->condition->wait(fn (): bool => $this->waiting !== '' || $this->over, $deadline)) {
            throw Problem::idleTimeout();
        }
        if ($this->waiting === '') {
            return $this->failure === null ? null : throw $this->failure;
        }
        [$bytes, $this->waiting] = [$this->waiting, ''];
        $this->consumed(strlen($bytes));
        return $bytes;
    }

    /**
     * Nobody wants the rest: the request ends now.
     *
     * @param bool $suspect the API was silent for too long, so its connection may be dead
     */
    public function cancel(bool $suspect = false): void
    {
        if (!$this->over) {
            $this->close();
            $this->abandon($suspect);
        }
    }

    /** Nobody needs the rest, which should be next to nothing: it may come, soon. */
    public function release(): void
    {
        if ($this->over) {
            return;
        }
        $this->releaseTimer = (int) Timer::after((int) (self::RELEASE_SECONDS * 1000), fn () => $this->cancel());
        $this->consumed(strlen($this->waiting));
        $this->waiting = '';
    }

    // The connection's side.

    public function begin(ApiAnswer $head): void
    {
        $this->head = $head;
    }

    public function begun(): bool
    {
        return $this->head !== null;
    }

    /** A piece of the body. */
    public function deliver(string $bytes): void
    {
        if ($this->over) {
            return;
        }
        if ($this->releaseTimer === null) {
            $this->waiting .= $bytes;
            return;
        }
        $this->released += strlen($bytes);
        if ($this->released > self::RELEASE_BYTES) {
            $this->cancel();
        } else {
            $this->consumed(strlen($bytes));
        }
    }

    /** The body ended as its framing says it must. */
    public function finish(): void
    {
        $this->close();
    }

    /** Nothing more will come, and something is missing. */
    public function fail(\Throwable $failure): void
    {
        if (!$this->over) {
            $this->close();
            $this->failure = $failure;
        }
    }

    /** Tells the exchange that something of this has changed. */
    public function notify(): void
    {
        $this->condition->notify();
    }

    /** How much waits to be taken, in bytes. */
    protected function backlog(): int
    {
        return strlen($this->waiting);
    }

    /** So many bytes were taken: as many more may come. */
    abstract protected function consumed(int $bytes): void;

    /** Ends the request. */
    abstract protected function abandon(bool $suspect): void;

    private function close(): void
    {
        $this->over = true;
        if ($this->releaseTimer !== null) {
            Timer::clear($this->releaseTimer);
        }
    }
}
