<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Loop;

use Revolt\EventLoop\Internal\StreamCallback;
use Revolt\EventLoop\Internal\StreamReadableCallback;

/** A watched stream: its descriptor, its callbacks, and its events in the kernel's list. */
final class Watched
{
    /** @var array<string, StreamCallback> by id, with the disabled ones */
    public array $callbacks = [];

    /** The events in the kernel's list: Epoll::IN, Epoll::OUT, both or none. */
    public int $registered = 0;

    public function __construct(public readonly int $descriptor)
    {
    }

    /** Returns the events of the enabled callbacks. */
    public function wanted(): int
    {
        $wanted = 0;
        foreach ($this->callbacks as $callback) {
            $wanted |= $callback->enabled ? self::eventOf($callback) : 0;
        }
        return $wanted;
    }

    /**
     * Returns the callbacks for these events. An error or a hangup is for all enabled callbacks.
     *
     * @return iterable<StreamCallback>
     */
    public function concerned(int $events): iterable
    {
        $all = ($events & (Epoll::ERR | Epoll::HUP)) !== 0;
        foreach ($this->callbacks as $callback) {
            if ($callback->enabled && ($all || ($events & self::eventOf($callback)) !== 0)) {
                yield $callback;
            }
        }
    }

    private static function eventOf(StreamCallback $callback): int
    {
        return $callback instanceof StreamReadableCallback ? Epoll::IN : Epoll::OUT;
    }
}
