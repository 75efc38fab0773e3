<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Revolt\EventLoop;

/**
 * A timeout that can be extended.
 *
 * Extending it only stores a time, and does not change the event loop's timer. A timer that fires too
 * early is set again. So a stream of a thousand events needs one or two timers.
 */
final class Deadline
{
    private ?string $timer = null;
    private float $at = INF;

    /** @param \Closure():void $passed called at most once after each set() */
    public function __construct(private readonly \Closure $passed)
    {
    }

    /** Sets or extends the timeout, in seconds from now. */
    public function set(float $seconds): void
    {
        $this->at = self::now() + $seconds;
        $this->timer ??= EventLoop::delay($seconds, $this->fire(...));
    }

    /** Disables the timeout until the next set(). */
    public function lift(): void
    {
        $this->at = INF;
    }

    /** Cancels the timeout. Call it at the end, because the timer keeps the closure alive. */
    public function cancel(): void
    {
        $this->at = INF;
        if ($this->timer !== null) {
            EventLoop::cancel($this->timer);
            $this->timer = null;
        }
    }

    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    private function fire(): void
    {
        $this->timer = null;
        $left = $this->at - self::now();
        if ($left > 0) {
            if ($left !== INF) {
                $this->timer = EventLoop::delay($left, $this->fire(...));
            }
            return;
        }
        $this->at = INF;
        ($this->passed)();
    }
}
