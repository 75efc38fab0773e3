<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\CancelledException;
use Revolt\EventLoop;

/**
 * Lets one fiber at a time wait until a stream can be read, or written.
 *
 * The event loop's callback is made once, and switched on while somebody waits.
 */
final class Readiness
{
    private readonly string $callback;
    private readonly Signal $signal;
    private bool $open = true;

    /** @param resource $stream */
    private function __construct($stream, bool $write)
    {
        $this->signal = $signal = new Signal();
        $ready = static function (string $callback) use ($signal): void {
            EventLoop::disable($callback);
            $signal->fire();
        };
        $this->callback = EventLoop::disable(
            $write ? EventLoop::onWritable($stream, $ready) : EventLoop::onReadable($stream, $ready)
        );
    }

    /** @param resource $stream */
    public static function toRead($stream): self
    {
        return new self($stream, false);
    }

    /** @param resource $stream */
    public static function toWrite($stream): self
    {
        return new self($stream, true);
    }

    /** @throws CancelledException */
    public function wait(?Cancellation $cancellation = null): void
    {
        if (!$this->open) {
            return;
        }
        EventLoop::enable($this->callback);
        try {
            $this->signal->wait($cancellation);
        } finally {
            if ($this->open) {
                EventLoop::disable($this->callback);
            }
        }
    }

    /** Before the stream is closed; a fiber that waits goes on at once. */
    public function close(): void
    {
        $this->open = false;
        EventLoop::cancel($this->callback);
        $this->signal->fire();
    }
}
