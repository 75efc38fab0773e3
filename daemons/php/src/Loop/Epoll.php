<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Loop;

use FFI;
use FFI\CData;

/**
 * The kernel's epoll, by FFI: which descriptors are of interest, and which of them are ready.
 *
 * PHP itself has only select(), which knows no descriptor above 1023 and looks at every one
 * of them each time.
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

    /** How many descriptors are told of at a time. */
    private const AT_ONCE = 256;

    /** Bytes of the C library's sigset_t; all zero, it blocks no signal. */
    private const SIGNAL_SET = 128;

    private readonly FFI $c;
    private readonly CData $event;
    private readonly CData $events;
    private readonly CData $noSignals;
    private readonly int $descriptor;

    /** @throws \RuntimeException where PHP or the system does not have it */
    public function __construct()
    {
        // The one structure of Linux that is packed on one architecture and not on the others.
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
            throw new \RuntimeException("epoll cannot be called: {$error->getMessage()}", previous: $error);
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
     * What of a descriptor is of interest from now on: IN, OUT, both or nothing. ERR and HUP
     * are told with any of them, and with nothing neither.
     *
     * @throws \RuntimeException when the descriptor is none that can be waited for
     */
    public function watch(int $descriptor, int $before, int $now): void
    {
        $this->event->events = $now;
        $this->event->data = $descriptor;
        $operation = $now === 0 ? self::DEL : ($before === 0 ? self::ADD : self::MOD);
        $failed = $this->c->epoll_ctl($this->descriptor, $operation, $descriptor, FFI::addr($this->event)) !== 0;
        if ($failed && $now !== 0) { // one that was closed is of no interest already
            throw $this->failure("epoll_ctl for descriptor $descriptor");
        }
    }

    /**
     * Waits, and lets in the signals that are blocked meanwhile: so none is overlooked that
     * comes just before.
     *
     * @param int $milliseconds at most; -1: until something happens
     * @return array<int, int> what is ready, by descriptor; nothing when time is up or a signal came
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
