<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/** Time that only goes forward. */
final class Clock
{
    /** Seconds on the monotonic clock. */
    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}
