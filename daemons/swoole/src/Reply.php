<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Incoming;
use StreamingDaemon\Problem;
use StreamingDaemon\Unprocessed;
use Swoole\Timer;

/**
 * One response of the API, as its exchange waits for it.
 *
 * The connection's coroutine puts in what arrives, the exchange's takes it out at its
 * client's pace. Everything that arrived before a failure is handed out before the
 * failure is thrown.
 */
final class Reply
{
    /** What an API may still send after its `[DONE]` before it is cut off: the end of the body. */
    private const RELEASE_SECONDS = 0.5;
    private const RELEASE_BYTES = 65536;

    private ?int $releaseTimer = null;
    private int $released = 0;

    public function __construct(
        private readonly Incoming $incoming,
        private readonly Condition $condition,
    ) {
    }

    /**
     * Waits for the response's head.
     *
     * @throws Problem|Unprocessed
     */
    public function head(float $deadline): ApiAnswer
    {
        $holds = fn (): bool => $this->incoming->head() !== null || $this->incoming->isOver();
        if (!$this->condition->wait($holds, $deadline)) {
            throw Problem::firstByteTimeout();
        }
        return $this->incoming->head() ?? throw $this->incoming->failure() ?? Problem::unreachable();
    }

    /**
     * Waits for more of the body.
     *
     * @return string|null null when it has ended cleanly
     * @throws Problem
     */
    public function read(float $deadline): ?string
    {
        $bytes = '';
        $holds = function () use (&$bytes): bool {
            $bytes = $this->incoming->take();
            return $bytes !== '' || $this->incoming->isOver();
        };
        if (!$this->condition->wait($holds, $deadline)) {
            throw Problem::idleTimeout();
        }
        if ($bytes === '') {
            return $this->incoming->failure() === null ? null : throw $this->incoming->failure();
        }
        return $bytes;
    }

    /** Nobody wants the rest: the request ends now. */
    public function cancel(bool $suspect = false): void
    {
        $this->incoming->cancel($suspect);
    }

    /** Nobody needs the rest, which should be next to nothing: it may come, soon. */
    public function release(): void
    {
        if (!$this->incoming->isOver()) {
            $milliseconds = (int) (self::RELEASE_SECONDS * 1000);
            $this->releaseTimer = (int) Timer::after($milliseconds, fn () => $this->incoming->cancel());
        }
    }

    /** Called by the connection: something of the response has arrived, or it is over. */
    public function notify(): void
    {
        if ($this->releaseTimer === null) {
            $this->condition->notify();
            return;
        }
        $this->released += strlen($this->incoming->take());
        if ($this->released > self::RELEASE_BYTES) {
            $this->incoming->cancel();
        }
        if ($this->incoming->isOver()) {
            Timer::clear($this->releaseTimer);
        }
    }
}
