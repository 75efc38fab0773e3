<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Loop;

use Revolt\EventLoop;
use Revolt\EventLoop\Driver\StreamSelectDriver;
use Revolt\EventLoop\Internal\AbstractDriver;
use Revolt\EventLoop\Internal\DriverCallback;
use Revolt\EventLoop\Internal\SignalCallback;
use Revolt\EventLoop\Internal\StreamCallback;
use Revolt\EventLoop\Internal\TimerCallback;
use Revolt\EventLoop\Internal\TimerQueue;

/**
 * Revolt's event loop on epoll, for PHP without an event loop extension.
 *
 * The driver updates the kernel's list just before the loop waits. So a callback that is disabled
 * and enabled in between, as for each read, does not cost a system call. The driver removes a stream
 * at once when its last callback is cancelled. The stream may be closed next while another process
 * holds its socket, and epoll would continue to report its events.
 *
 * Signals are blocked except while the loop waits. So a signal between the check and the wait is not
 * lost.
 */
final class EpollDriver extends AbstractDriver
{
    private readonly Epoll $epoll;
    private readonly Descriptors $descriptors;
    private readonly TimerQueue $timers;

    /** @var array<int, Watched> by the stream's id */
    private array $streams = [];
    /** @var array<string, int> the stream's id, by the callback's id */
    private array $streamOf = [];
    /** @var array<int, Watched> by descriptor */
    private array $byDescriptor = [];
    /** @var array<int, Watched> the streams whose watched events may have changed, by descriptor */
    private array $changed = [];

    /** @var array<int, array<string, SignalCallback>> by signal and the callback's id */
    private array $signals = [];
    /** @var list<int> the signals that have arrived */
    private array $arrived = [];

    /** @throws \RuntimeException when PHP cannot call epoll */
    public function __construct()
    {
        parent::__construct();
        $this->epoll = new Epoll();
        $this->descriptors = new Descriptors();
        $this->timers = new TimerQueue();
    }

    /** Makes this the event loop, unless Revolt has a better one, or REVOLT_DRIVER selects one. */
    public static function replaceSelect(): void
    {
        if (EventLoop::getDriver() instanceof StreamSelectDriver && getenv('REVOLT_DRIVER') === false) {
            try {
                EventLoop::setDriver(new self());
            } catch (\Error | \RuntimeException) {
                // Without FFI or Linux, keep select().
            }
        }
    }

    public function getHandle(): mixed
    {
        return null;
    }

    public function cancel(string $callbackId): void
    {
        parent::cancel($callbackId);
        $stream = $this->streamOf[$callbackId] ?? null;
        if ($stream === null) {
            return;
        }
        unset($this->streamOf[$callbackId], $this->streams[$stream]->callbacks[$callbackId]);
        if ($this->streams[$stream]->callbacks === []) {
            $this->forget($stream);
        }
    }

    protected function now(): float
    {
        return hrtime(true) / 1e9;
    }

    /** @param array<string, DriverCallback> $callbacks */
    protected function activate(array $callbacks): void
    {
        foreach ($callbacks as $callback) {
            if ($callback instanceof StreamCallback) {
                $watched = $this->watched($callback);
                $this->changed[$watched->descriptor] = $watched;
            } elseif ($callback instanceof TimerCallback) {
                $this->timers->insert($callback);
            } elseif ($callback instanceof SignalCallback) {
                $this->listen($callback);
            }
        }
    }

    protected function deactivate(DriverCallback $callback): void
    {
        if ($callback instanceof StreamCallback) {
            $watched = $this->watched($callback);
            $this->changed[$watched->descriptor] = $watched;
        } elseif ($callback instanceof TimerCallback) {
            $this->timers->remove($callback);
        } elseif ($callback instanceof SignalCallback) {
            $this->ignore($callback);
        }
    }

    protected function dispatch(bool $blocking): void
    {
        foreach ($this->changed as $descriptor => $watched) {
            $wanted = $watched->wanted();
            if ($wanted !== $watched->registered) {
                $this->epoll->watch($descriptor, $watched->registered, $wanted);
                $watched->registered = $wanted;
            }
        }
        $this->changed = [];
        foreach ($this->epoll->wait($blocking ? $this->milliseconds() : 0) as $descriptor => $events) {
            foreach (($this->byDescriptor[$descriptor] ?? null)?->concerned($events) ?? [] as $callback) {
                $this->enqueueCallback($callback);
            }
        }
        $this->dispatchSignals();
        $now = $this->now();
        while (($timer = $this->timers->extract($now)) !== null) {
            $this->enqueueCallback($timer);
        }
    }

    /** Returns the time until the next timer, rounded up, so that the loop does not wake too early. */
    private function milliseconds(): int
    {
        $next = $this->timers->peek();
        return $next === null ? -1 : (int) min(max(0, ceil(($next - $this->now()) * 1000)), 1 << 30);
    }

    private function watched(StreamCallback $callback): Watched
    {
        $stream = (int) $callback->stream;
        $watched = $this->streams[$stream] ?? null;
        if ($watched === null) {
            $watched = new Watched($this->descriptors->claim($callback->stream));
            $this->streams[$stream] = $this->byDescriptor[$watched->descriptor] = $watched;
        }
        $this->streamOf[$callback->id] = $stream;
        $watched->callbacks[$callback->id] = $callback;
        return $watched;
    }

    private function forget(int $stream): void
    {
        $watched = $this->streams[$stream];
        if ($watched->registered !== 0) {
            $this->epoll->watch($watched->descriptor, $watched->registered, 0);
        }
        $number = $watched->descriptor;
        unset($this->streams[$stream], $this->byDescriptor[$number], $this->changed[$number]);
        $this->descriptors->giveBack($number);
    }

    private function listen(SignalCallback $callback): void
    {
        if (!isset($this->signals[$callback->signal])) {
            pcntl_sigprocmask(SIG_BLOCK, [$callback->signal]);
            pcntl_signal($callback->signal, function (int $signal): void {
                $this->arrived[] = $signal; // dispatchSignals() runs the callbacks later
            });
        }
        $this->signals[$callback->signal][$callback->id] = $callback;
    }

    private function ignore(SignalCallback $callback): void
    {
        unset($this->signals[$callback->signal][$callback->id]);
        if (($this->signals[$callback->signal] ?? null) === []) {
            unset($this->signals[$callback->signal]);
            pcntl_signal($callback->signal, SIG_DFL);
            pcntl_sigprocmask(SIG_UNBLOCK, [$callback->signal]);
        }
    }

    private function dispatchSignals(): void
    {
        pcntl_signal_dispatch();
        foreach ($this->arrived as $signal) {
            array_map($this->enqueueCallback(...), array_values($this->signals[$signal] ?? []));
        }
        $this->arrived = [];
    }
}
