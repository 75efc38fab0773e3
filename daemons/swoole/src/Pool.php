<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Api;
use StreamingDaemon\Job;
use StreamingDaemon\Problem;
use Swoole\Coroutine;
use Swoole\Timer;

/**
 * The pool of connections to the API, with the queue of requests that wait for one.
 *
 * HTTP/1.1 and HTTP/2 differ in one number: how many requests a connection carries at the same time.
 * So one pool serves both. It dials as many connections as the waiting requests need, so no request
 * waits longer than one attempt to connect. Each attempt has its own coroutine. It continues when the
 * request's client leaves, because the next request can use the connection.
 */
final class Pool
{
    /** How long the pool keeps an idle connection, in seconds. */
    private const IDLE_TIME = 30.0;

    /** The most idle connections. After a burst the pool closes the others. */
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

    /** How many requests a connection carries: the latest connection's number, or a guess. */
    private int $capacity;

    public function __construct(private readonly Api $api, private readonly Dialer $dialer)
    {
        $this->capacity = $dialer->offersHttp2() ? 100 : 1;
    }

    /**
     * Sends a request when a connection has room for it.
     *
     * @param bool $fresh dial a new connection, because the existing ones may be dead
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

    /** Assigns waiting requests to connections, and dials as many connections as are missing. */
    public function settle(): void
    {
        if ($this->settling || $this->closed) {
            $this->unsettled = true;
            return;
        }
        $this->settling = true;
        do {
            $this->unsettled = false; // a notified exchange may change a connection at once
            $isOpen = static fn (PooledSession $session): bool => !$session->isClosed();
            $this->sessions = array_values(array_filter($this->sessions, $isOpen));
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
        // The newest connection first, so that the others can become idle.
        for ($index = count($this->sessions) - 1; $index >= 0; --$index) {
            while ($this->waiting !== [] && $this->sessions[$index]->room() > 0) {
                $ticket = array_shift($this->waiting);
                if (!$ticket->isSettled()) {
                    $ticket->send($this->sessions[$index]);
                }
            }
        }
        if ($this->waiting !== []) {
            $this->waiting = array_values(array_filter($this->waiting, static fn ($ticket) => !$ticket->isSettled()));
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

    /** @param Ticket|null $ticket the request that uses the connection first; null: the waiting requests */
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
        $inTime = $usable->wait(static fn (): bool => $session->isReady() || $session->isClosed(), $deadline);
        if (!$inTime || $session->isClosed() || $session->capacity() < 1) {
            $session->close();
            throw $inTime ? Problem::unreachable() : Problem::connectTimeout();
        }
        return $session;
    }

    /** Fails as many waiting requests as the failed connection would have carried. */
    private function refuse(Problem $failure): void
    {
        foreach (array_splice($this->waiting, 0, $this->capacity) as $ticket) {
            if (!$ticket->isSettled()) {
                $ticket->fail($failure);
            }
        }
    }

    /** Closes idle connections: those above the limit, and those that are idle for too long. */
    private function sweep(): void
    {
        $isIdle = static fn (PooledSession $session): bool => $session->idleSince() !== null;
        $idle = array_values(array_filter($this->sessions, $isIdle));
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
