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
 * Revolt's event loop on epoll, for a PHP that has none of the extensions which bring one.
 *
 * What callbacks want is told to the kernel just before the loop waits: a callback that is
 * disabled and enabled again in between, as at every read, costs no system call. A stream
 * whose last callback is cancelled is forgotten at once, since it may be closed next while
 * another process holds its socket, and epoll would go on telling of it.
 *
 * Signals are blocked but for the time in which the loop waits, so none comes unnoticed
 * between the last look at what came and the waiting.
 */
final class EpollDriver extends AbstractDriver
{
    private readonly Epoll $epoll;
    private readonly Descriptors $descriptors;
    private readonly TimerQueue $timers;

    /** @var array<int, Watched> by the stream's id */
    private array $streams = [];
    /** @var array<string, int> the stream's id, by the callback's */
    private array $streamOf = [];
    /** @var array<int, Watched> by descriptor */
    private array $byDescriptor = [];
    /** @var array<int, Watched> those of which the kernel may have to be told, by descriptor */
    private array $changed = [];

    /** @var array<int, array<string, SignalCallback>> by signal and the callback's id */
    private array $signals = [];
    /** @var list<int> signals that came */
    private array $came = [];

    /** @throws \RuntimeException where epoll cannot be called */
    public function __construct()
    {
        parent::__construct();
        $this->epoll = new Epoll();
        $this->descriptors = new Descriptors();
        $this->timers = new TimerQueue();
    }

    /** Makes it the event loop, unless there is a better one, or one that was asked for. */
    public static function replaceSelect(): void
    {
        if (EventLoop::getDriver() instanceof StreamSelectDriver && getenv('REVOLT_DRIVER') === false) {
            try {
                EventLoop::setDriver(new self());
            } catch (\Error | \RuntimeException) {
                // There is no FFI, or no Linux: select() it is.
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
            if ($wanted !== $watched->told) {
                $this->epoll->watch($descriptor, $watched->told, $wanted);
                $watched->told = $wanted;
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

    /** The time until the next timer, rounded up: one that comes too early would only be waited for again. */
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
        if ($watched->told !== 0) {
            $this->epoll->watch($watched->descriptor, $watched->told, 0);
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
                $this->came[] = $signal; // PHP's dispatching is no place to run callbacks in
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
        foreach ($this->came as $signal) {
            array_map($this->enqueueCallback(...), array_values($this->signals[$signal] ?? []));
        }
        $this->came = [];
    }
}
