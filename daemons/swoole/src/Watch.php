<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Swoole\Event;

/**
 * A descriptor in the event loop, with the one coroutine that waits for it.
 *
 * It stays in the loop between two waits for the same events. So a wait of a busy stream does not need
 * a system call.
 */
final class Watch
{
    private readonly Sleeper $sleeper;
    private int $events = 0;

    /** @param resource $stream the event loop makes it non-blocking */
    public function __construct(private $stream)
    {
        $this->sleeper = new Sleeper();
    }

    /**
     * Waits for one of the events, for wake(), or until the timeout.
     *
     * @param int $events SWOOLE_EVENT_READ, SWOOLE_EVENT_WRITE, both or none
     */
    public function wait(int $events, float $seconds = INF): void
    {
        $this->setEvents($events);
        $this->sleeper->sleep($seconds);
    }

    public function wake(): void
    {
        $this->sleeper->wake();
    }

    /** Removes the descriptor from the loop. Call it before the descriptor is closed. */
    public function close(): void
    {
        $this->setEvents(0);
    }

    private function setEvents(int $events): void
    {
        if ($events === $this->events) {
            return;
        }
        if ($events === 0) {
            Event::del($this->stream);
        } elseif ($this->events === 0) {
            Event::add($this->stream, $this->wake(...), $this->wake(...), $events);
        } else {
            Event::set($this->stream, null, null, $events);
        }
        $this->events = $events;
    }
}
