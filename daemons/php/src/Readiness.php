<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\CancelledException;
use Revolt\EventLoop;

/**
 * A wait until a stream is readable, or writable, for one fiber at a time.
 *
 * It makes the event loop's callback once, and enables it while a fiber waits.
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

    /** Ends the waiting. Call it before the stream is closed. A waiting fiber continues at once. */
    public function close(): void
    {
        $this->open = false;
        EventLoop::cancel($this->callback);
        $this->signal->fire();
    }
}
