<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Swoole\Coroutine;
use Swoole\Timer;

/**
 * A sleep of one coroutine, with a wake-up and a timeout.
 *
 * All waits of this daemon use it. Swoole's own waits can be cancelled too. But if the cancel and the
 * event come in the same turn, Swoole resumes the coroutine twice, the second time after its end.
 */
final class Sleeper
{
    private ?int $coroutine = null;
    private bool $woken = false;

    /** Sleeps. Returns at once if wake() was called since the previous sleep. */
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

    /** Wakes the coroutine, which runs before this method returns. */
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
