<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\CancelledException;
use Revolt\EventLoop;
use Revolt\EventLoop\Suspension;

/** A condition variable for one waiting fiber. */
final class Signal
{
    private ?Suspension $waiting = null;

    /**
     * Waits for the next fire(). The caller checks its condition again afterwards.
     *
     * @throws CancelledException
     */
    public function wait(?Cancellation $cancellation = null): void
    {
        $cancellation?->throwIfRequested();
        $this->waiting = $own = EventLoop::getSuspension();
        $id = $cancellation?->subscribe(function (CancelledException $reason) use ($own): void {
            if ($this->waiting === $own) {
                $this->waiting = null;
                $own->throw($reason);
            }
        });
        try {
            $own->suspend();
        } finally {
            if ($id !== null) {
                $cancellation?->unsubscribe($id);
            }
        }
    }

    public function fire(): void
    {
        $waiting = $this->waiting;
        $this->waiting = null;
        $waiting?->resume();
    }
}
