<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

/** Time that only goes forward, and what Swow makes of it. */
final class Clock
{
    /** Seconds on the monotonic clock. */
    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    /** Milliseconds until then, as Swow takes a timeout: at least one, and -1 for ever. */
    public static function until(float $deadline): int
    {
        return $deadline === INF ? -1 : (int) max(1, ceil(($deadline - self::now()) * 1000));
    }
}
