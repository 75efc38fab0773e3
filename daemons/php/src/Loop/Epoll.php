<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Loop;

use FFI;
use FFI\CData;

/**
 * The kernel's epoll, called by FFI.
 *
 * PHP itself has only select(), which does not support descriptors above 1023, and checks every
 * descriptor each time.
 */
final class Epoll
{
    public const IN = 0x001;
    public const OUT = 0x004;
    public const ERR = 0x008;
    public const HUP = 0x010;

    private const ADD = 1;
    private const DEL = 2;
    private const MOD = 3;
    private const CLOEXEC = 02000000;

    /** The most events of one wait. */
    private const AT_ONCE = 256;

    /** The size of the C library's sigset_t, in bytes. All zero means: block no signal. */
    private const SIGNAL_SET = 128;

    private readonly FFI $c;
    private readonly CData $event;
    private readonly CData $events;
    private readonly CData $noSignals;
    private readonly int $descriptor;

    /** @throws \RuntimeException when PHP or the system does not support it */
    public function __construct()
    {
        // Linux packs this structure on x86_64 only.
        $packed = php_uname('m') === 'x86_64' ? '__attribute__((packed))' : '';
        try {
            $this->c = FFI::cdef(<<<C
                struct $packed epoll_event { uint32_t events; uint64_t data; };
                int epoll_create1(int flags);
                int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
                int epoll_pwait(int epoll, struct epoll_event *events, int size, int milliseconds, const void *signals);
                int close(int descriptor);
                int *__errno_location(void);
                C);
        } catch (FFI\Exception $error) {
            throw new \RuntimeException("cannot call epoll: {$error->getMessage()}", previous: $error);
        }
        $this->event = $this->c->new('struct epoll_event');
        $this->events = $this->c->new('struct epoll_event[' . self::AT_ONCE . ']');
        $this->noSignals = $this->c->new('char[' . self::SIGNAL_SET . ']');
        $this->descriptor = $this->c->epoll_create1(self::CLOEXEC);
        if ($this->descriptor < 0) {
            throw $this->failure('epoll_create1');
        }
    }

    public function __destruct()
    {
        if (($this->descriptor ?? -1) >= 0) {
            $this->c->close($this->descriptor);
        }
    }

    /**
     * Changes the watched events of a descriptor: IN, OUT, both or none. The kernel also reports ERR
     * and HUP, unless the events are none.
     *
     * @throws \RuntimeException when epoll does not support the descriptor
     */
    public function watch(int $descriptor, int $before, int $now): void
    {
        $this->event->events = $now;
        $this->event->data = $descriptor;
        $operation = $now === 0 ? self::DEL : ($before === 0 ? self::ADD : self::MOD);
        $failed = $this->c->epoll_ctl($this->descriptor, $operation, $descriptor, FFI::addr($this->event)) !== 0;
        if ($failed && $now !== 0) { // the kernel has already removed a closed descriptor
            throw $this->failure("epoll_ctl for descriptor $descriptor");
        }
    }

    /**
     * Waits for events. It unblocks all signals while it waits, so a signal just before the wait ends
     * the wait.
     *
     * @param int $milliseconds the longest wait; -1: unlimited
     * @return array<int, int> the events by descriptor; empty after the time or after a signal
     */
    public function wait(int $milliseconds): array
    {
        $count = $this->c->epoll_pwait(
            $this->descriptor,
            $this->events,
            self::AT_ONCE,
            $milliseconds,
            FFI::addr($this->noSignals),
        );
        if ($count < 0 && $this->errno() !== SOCKET_EINTR) {
            throw $this->failure('epoll_pwait');
        }
        $ready = [];
        for ($n = 0; $n < $count; ++$n) {
            $event = $this->events[$n];
            $ready[$event->data] = $event->events;
        }
        return $ready;
    }

    private function errno(): int
    {
        return $this->c->__errno_location()[0];
    }

    private function failure(string $call): \RuntimeException
    {
        return new \RuntimeException("$call: " . posix_strerror($this->errno()));
    }
}
