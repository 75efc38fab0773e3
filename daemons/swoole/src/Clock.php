<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/** The monotonic clock. */
final class Clock
{
    /** Returns the time in seconds. */
    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}
