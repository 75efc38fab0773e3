<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Incoming;
use StreamingDaemon\Problem;
use StreamingDaemon\Unprocessed;
use Swoole\Timer;

/**
 * A response of the API, for the exchange that waits for it.
 *
 * The connection's coroutine adds the received bytes, and the exchange's coroutine takes them as fast
 * as its client reads. A failure is thrown after all bytes that arrived before it.
 */
final class Reply
{
    /** How long, and with how many bytes, the API may end the response after `[DONE]`. */
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
     * @return string|null null at a clean end
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

    /** Cancels the request now. */
    public function cancel(bool $suspect = false): void
    {
        $this->incoming->cancel($suspect);
    }

    /** Waits a short time for the end of the response, and discards its rest. */
    public function release(): void
    {
        if (!$this->incoming->isOver()) {
            $milliseconds = (int) (self::RELEASE_SECONDS * 1000);
            $this->releaseTimer = (int) Timer::after($milliseconds, fn () => $this->incoming->cancel());
        }
    }

    /** Called by the connection when bytes have arrived, or the response has ended. */
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
