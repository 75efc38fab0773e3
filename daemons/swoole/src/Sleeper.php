<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Swoole\Coroutine;
use Swoole\Timer;

/**
 * A place where one coroutine sleeps until it is woken or its time is up.
 *
 * Everything that waits in this daemon waits here. Swoole's own waits can be cancelled
 * as well, but one that is cancelled in the moment in which its event comes is resumed
 * twice, the second time after its end.
 */
final class Sleeper
{
    private ?int $coroutine = null;
    private bool $woken = false;

    /** Returns at once if somebody tried to wake it since it slept last. */
    public function sleep(float $seconds = INF): void
    {
        if ($this->woken) {
            $this->woken = false;
            return;
        }
        $timer = $seconds === INF ? null : Timer::after((int) max(1, ceil($seconds * 1000)), $this->wake(...));
        $this->coroutine = Coroutine::getCid();
        Coroutine::yield();
        $this->woken = false;
        if ($timer !== null) {
            Timer::clear($timer);
        }
    }

    /** Lets the coroutine go on, before this returns. */
    public function wake(): void
    {
        [$coroutine, $this->coroutine] = [$this->coroutine, null];
        if ($coroutine === null) {
            $this->woken = true;
        } else {
            Coroutine::resume($coroutine);
        }
    }
}
