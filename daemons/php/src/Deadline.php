<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Revolt\EventLoop;

/**
 * A time bound that moves: it passes when nobody has extended it for long enough.
 *
 * To extend it is to note a time. The event loop's timer is not touched; when it fires
 * too early it is set anew, so a stream of a thousand events costs a timer or two.
 */
final class Deadline
{
    private ?string $timer = null;
    private float $at = INF;

    /** @param \Closure():void $passed called once at most for each time the deadline was set */
    public function __construct(private readonly \Closure $passed)
    {
    }

    /** Seconds from now. */
    public function set(float $seconds): void
    {
        $this->at = self::now() + $seconds;
        $this->timer ??= EventLoop::delay($seconds, $this->fire(...));
    }

    /** No bound, until it is set again. */
    public function lift(): void
    {
        $this->at = INF;
    }

    /** Never again; without this the timer would keep all of it alive. */
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
