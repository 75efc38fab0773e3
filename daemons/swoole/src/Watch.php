<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Swoole\Event;

/**
 * A descriptor in the event loop, and the one coroutine that waits for it.
 *
 * It stays in the loop between two waits for the same events: a stream that flows
 * costs no system call for being watched.
 */
final class Watch
{
    private readonly Sleeper $sleeper;
    private int $events = 0;

    /** @param resource $stream which the event loop makes non-blocking */
    public function __construct(private $stream)
    {
        $this->sleeper = new Sleeper();
    }

    /**
     * Waits for one of the events, for a call of wake(), or until the time is up.
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

    /** Before the descriptor is closed. */
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
