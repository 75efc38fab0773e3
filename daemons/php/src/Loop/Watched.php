<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Loop;

use Revolt\EventLoop\Internal\StreamCallback;
use Revolt\EventLoop\Internal\StreamReadableCallback;

/** A stream that callbacks wait for: its descriptor, and what the kernel was told of it last. */
final class Watched
{
    /** @var array<string, StreamCallback> by id, those that are disabled too */
    public array $callbacks = [];

    /** What epoll tells of it: Epoll::IN, Epoll::OUT, both or nothing. */
    public int $told = 0;

    public function __construct(public readonly int $descriptor)
    {
    }

    /** What those callbacks wait for that are enabled. */
    public function wanted(): int
    {
        $wanted = 0;
        foreach ($this->callbacks as $callback) {
            $wanted |= $callback->enabled ? self::eventOf($callback) : 0;
        }
        return $wanted;
    }

    /**
     * The callbacks that these events are for; an error or a hangup is for all.
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
