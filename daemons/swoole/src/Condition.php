<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Swoole\Coroutine\Channel;

/**
 * The one place where an exchange's coroutine waits, whatever it waits for.
 *
 * An exchange depends on several others at a time: on the API's bytes, on its client
 * taking some, on its client staying, on the daemon going on. Coroutines wait for one
 * thing. So whoever changes something notifies, and the exchange looks for itself
 * whether what it needs holds by now. An interruption is thrown out of every wait.
 */
final class Condition
{
    private readonly Channel $bell;
    private ?\Throwable $interruption = null;

    public function __construct()
    {
        $this->bell = new Channel(1);
    }

    /**
     * Waits until it holds.
     *
     * @param \Closure(): bool $holds
     * @param float $deadline on the monotonic clock, in seconds
     * @return bool false when the deadline came first
     */
    public function wait(\Closure $holds, float $deadline): bool
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
            $this->bell->pop(max(0.001, min($left, 3600.0)));
        }
    }

    public function notify(): void
    {
        if ($this->bell->isEmpty()) {
            $this->bell->push(true);
        }
    }

    /** Ends every wait from now on with this; the first one counts. */
    public function interrupt(\Throwable $why): void
    {
        $this->interruption ??= $why;
        $this->notify();
    }

    public function interrupted(): bool
    {
        return $this->interruption !== null;
    }

}
