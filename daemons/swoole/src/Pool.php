<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Api;
use StreamingDaemon\Job;
use StreamingDaemon\Problem;
use Swoole\Coroutine;
use Swoole\Timer;

/**
 * The connections to the API, and the requests that wait for one.
 *
 * HTTP/1.1 and HTTP/2 differ in one number, how many requests a connection takes at a
 * time, so one pool serves both. As many connections are being made as requests wait
 * for: none waits longer than making one may take. Each is made in a coroutine of its
 * own, because who asked for it may leave, and the next one wants it.
 */
final class Pool
{
    /** Seconds that a connection without requests is kept. */
    private const IDLE_TIME = 30.0;

    /** How many such connections are kept; after a burst the rest are closed. */
    private const IDLE_HTTP1 = 8;
    private const IDLE_HTTP2 = 1;

    /** @var list<PooledSession> the oldest first */
    private array $sessions = [];

    /** @var list<Ticket> */
    private array $waiting = [];
    private int $dialing = 0;
    private bool $settling = false;
    private bool $unsettled = false;
    private bool $closed = false;
    private ?int $sweeper = null;

    /** How many requests a connection takes; a guess until there was one. */
    private int $capacity;

    public function __construct(private readonly Api $api, private readonly Dialer $dialer)
    {
        $this->capacity = $dialer->offersHttp2() ? 100 : 1;
    }

    /**
     * Sends a request, as soon as there is a connection for it.
     *
     * @param bool $fresh not on a connection that was there before: where one was dead, others may be
     * @throws Problem
     */
    public function request(Job $job, Condition $condition, bool $fresh = false): Reply
    {
        $ticket = new Ticket($job, $condition);
        if ($fresh) {
            $this->dial($ticket);
        } else {
            $this->waiting[] = $ticket;
            $this->settle();
        }
        try {
            $condition->wait($ticket->isSettled(...), INF);
        } catch (\Throwable $interruption) {
            $ticket->reply?->cancel();
            $ticket->failure = $interruption;
            throw $interruption;
        }
        return $ticket->reply ?? throw $ticket->failure ?? Problem::unreachable();
    }

    /** Brings together the requests that wait and the connections. */
    public function settle(): void
    {
        if ($this->settling || $this->closed) {
            $this->unsettled = true;
            return;
        }
        $this->settling = true;
        do {
            $this->unsettled = false; // whoever is told of a connection may change it at once
            $this->sessions = array_values(array_filter($this->sessions, static fn ($each) => !$each->isClosed()));
            $this->assign();
            $wanted = (int) ceil(count($this->waiting) / $this->capacity) - $this->dialing;
            for (; $wanted > 0; --$wanted) {
                $this->dial(null);
            }
            $this->sweep();
        } while ($this->unsettled);
        $this->settling = false;
    }

    private function assign(): void
    {
        // The one made last: the others get a chance to run empty.
        for ($index = count($this->sessions) - 1; $index >= 0; --$index) {
            while ($this->waiting !== [] && $this->sessions[$index]->room() > 0) {
                $ticket = array_shift($this->waiting);
                if (!$ticket->isSettled()) {
                    $ticket->send($this->sessions[$index]);
                }
            }
        }
        if ($this->waiting !== []) {
            $this->waiting = array_values(array_filter($this->waiting, static fn ($each) => !$each->isSettled()));
        }
    }

    public function close(): void
    {
        $this->closed = true;
        foreach ($this->sessions as $session) {
            $session->close();
        }
        if ($this->sweeper !== null) {
            Timer::clear($this->sweeper);
        }
    }

    /** @param Ticket|null $ticket who has the connection to itself first; else it is for those who wait */
    private function dial(?Ticket $ticket): void
    {
        $this->dialing += $ticket === null ? 1 : 0;
        Coroutine::create(function () use ($ticket): void {
            $failure = null;
            try {
                $session = $this->open();
                $this->capacity = $session->capacity();
                if ($ticket !== null && !$ticket->isSettled()) {
                    $ticket->send($session);
                }
                $this->sessions[] = $session;
            } catch (Problem $failure) {
                $ticket?->fail($failure);
            } finally {
                $this->dialing -= $ticket === null ? 1 : 0;
            }
            if ($failure !== null && $ticket === null) {
                $this->refuse($failure);
            }
            $this->settle();
        });
    }

    /** @throws Problem */
    private function open(): PooledSession
    {
        $deadline = $this->dialer->deadline();
        $http2 = false;
        $link = $this->dialer->dial($deadline, $http2);
        if (!$http2) {
            return new Http1Session($link, $this->api, $this);
        }
        $usable = new Condition();
        $session = new Http2Session($link, $this->api, $usable, $this);
        $known = $usable->wait(static fn (): bool => $session->isReady() || $session->isClosed(), $deadline);
        if (!$known || $session->isClosed() || $session->capacity() < 1) {
            $session->close();
            throw $known ? Problem::unreachable() : Problem::connectTimeout();
        }
        return $session;
    }

    /** No connection could be made: tells as many as would have been served on it. */
    private function refuse(Problem $failure): void
    {
        foreach (array_splice($this->waiting, 0, $this->capacity) as $ticket) {
            if (!$ticket->isSettled()) {
                $ticket->fail($failure);
            }
        }
    }

    /** Closes idle connections: those beyond the few worth keeping, and those kept too long. */
    private function sweep(): void
    {
        $idle = array_values(array_filter($this->sessions, static fn ($each): bool => $each->idleSince() !== null));
        $surplus = count($idle) - ($this->capacity > 1 ? self::IDLE_HTTP2 : self::IDLE_HTTP1);
        foreach ($idle as $index => $session) {
            if ($index < $surplus || $session->idleSince() <= Clock::now() - self::IDLE_TIME) {
                $session->close();
            }
        }
        if ($idle !== [] && $this->sweeper === null) {
            $this->sweeper = (int) Timer::after((int) (self::IDLE_TIME * 1000), function (): void {
                $this->sweeper = null;
                $this->sweep();
            });
        }
    }
}
