<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/**
 * A condition variable for an exchange's coroutine, which waits only here.
 *
 * An exchange depends on several events at the same time: the API's bytes, its client's reads, its
 * client's end, and the daemon's shutdown. Each event notifies the condition, and the exchange then
 * checks what it waits for. An interruption throws out of every wait.
 */
final class Condition
{
    private readonly Sleeper $sleeper;
    private ?\Throwable $interruption = null;

    public function __construct()
    {
        $this->sleeper = new Sleeper();
    }

    /**
     * Waits until $holds() is true.
     *
     * @param \Closure(): bool $holds
     * @param float $deadline on the monotonic clock, in seconds
     * @return bool false after the deadline
     */
    public function wait(\Closure $holds, float $deadline = INF): bool
    {
        for (;;) {
            if ($this->interruption !== null) {
                throw $this->interruption;
            }
            if ($holds()) {
                return true;
            }
            $left = $deadline - Clock::now();
            if ($left <= 0) {
                return false;
            }
            $this->sleeper->sleep($left);
        }
    }

    public function notify(): void
    {
        $this->sleeper->wake();
    }

    /** Makes every wait throw this from now on. Only the first call counts. */
    public function interrupt(\Throwable $reason): void
    {
        $this->interruption ??= $reason;
        $this->notify();
    }
}
