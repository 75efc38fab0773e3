<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/**
 * The one place where an exchange's coroutine waits, whatever it waits for.
 *
 * An exchange depends on several others at a time: on the API's bytes, on its client
 * taking some, on its client staying, on the daemon going on. So whoever changes
 * something notifies, and the exchange looks for itself whether what it needs holds by
 * now. An interruption is thrown out of every wait.
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
     * Waits until it holds.
     *
     * @param \Closure(): bool $holds
     * @param float $deadline on the monotonic clock, in seconds
     * @return bool false when the deadline came first
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

    /** Ends every wait from now on with this; the first one counts. */
    public function interrupt(\Throwable $why): void
    {
        $this->interruption ??= $why;
        $this->notify();
    }
}
