<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

/** The monotonic clock, and timeouts for Swow. */
final class Clock
{
    /** Returns the time in seconds. */
    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    /** Returns the time until a deadline as a timeout for Swow: at least 1 ms, and -1 for no timeout. */
    public static function until(float $deadline): int
    {
        return $deadline === INF ? -1 : (int) max(1, ceil(($deadline - self::now()) * 1000));
    }
}
