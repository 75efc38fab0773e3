<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\StreamException;
use Amp\Cancellation;
use Amp\CancelledException;
use Amp\CompositeCancellation;
use Amp\DeferredFuture;
use Amp\Http\Client\DelegateHttpClient;
use Amp\Http\Client\Request;
use Amp\Http\Client\Response;
use Amp\TimeoutCancellation;
use Revolt\EventLoop;
use StreamingDaemon\Api;
use StreamingDaemon\Log;
use StreamingDaemon\Problem;
use StreamingDaemon\Unprocessed;

use function Amp\async;

/**
 * The HTTP client for the API, with amphp/http-client's interface: a pool of connections, two
 * timeouts, and the one retry (U3, U7, U8, U9).
 *
 * Requests that arrive while the pool dials an HTTP/2 connection wait for it and do not dial their
 * own. The attempt continues when the first request's client leaves. The pool wakes as many requests
 * as the connection has room for, and dials the next connection for the others.
 */
final class Upstream implements DelegateHttpClient
{
    /** The limits on idle HTTP/1.1 connections: their number, and their time in seconds. */
    private const MAX_IDLE = 8;
    private const IDLE_TIME = 30.0;

    /** @var list<Http2Connection> */
    private array $shared = [];
    /** @var list<array{Http1Connection, float}> with the time of keep(), in the order of use, the latest last */
    private array $idle = [];
    private ?string $sweeper = null;
    private bool $dialing = false;
    /** @var array<int, DeferredFuture<null>> the requests that wait for an HTTP/2 stream, in order */
    private array $waiting = [];

    public function __construct(
        private readonly Api $api,
        private readonly Log $log,
        /** The API may support HTTP/2. */
        private bool $http2,
    ) {
    }

    /**
     * Sends a request. The request has the timeouts: getTcpConnectTimeout() until a connection is
     * ready, getInactivityTimeout() until the head of the response.
     *
     * @throws Problem when the request failed before its response
     * @throws CancelledException only for the cancellation
     */
    public function request(Request $request, Cancellation $cancellation): Response
    {
        for ($attempt = 1;; ++$attempt) {
            try {
                return $this->try($request, $cancellation);
            } catch (Unprocessed $error) {
                if ($attempt > 1) {
                    throw Problem::unreachable();
                }
                $this->log->line('retrying an unprocessed request', ['reason' => $error->getMessage()]);
            } catch (StreamException $error) {
                $cancellation->throwIfRequested();
                $this->log->line('the API failed before its response', ['error' => $error->getMessage()]);
                throw $error->getCode() === SOCKET_ETIMEDOUT ? Problem::connectTimeout() : Problem::unreachable();
            }
        }
    }

    private function try(Request $request, Cancellation $cancellation): Response
    {
        $connection = $this->acquire($request, $cancellation);
        $timeout = new TimeoutCancellation($request->getInactivityTimeout());
        try {
            return $connection->request($request, new CompositeCancellation($cancellation, $timeout));
        } catch (CancelledException) {
            $cancellation->throwIfRequested();
            throw Problem::firstByteTimeout();
        }
    }

    private function acquire(Request $request, Cancellation $cancellation): Connection
    {
        for (;;) {
            $connection = $this->take();
            if ($connection !== null) {
                return $connection;
            }
            if (!$this->http2) {
                $connection = $this->dial($request->getTcpConnectTimeout(), $cancellation);
                $connection->reserve();
                return $connection;
            }
            $this->waitForRoom($request->getTcpConnectTimeout(), $cancellation);
        }
    }

    /**
     * Waits until a connection may have room. Another request may be faster to take it.
     *
     * @throws Problem|StreamException|CancelledException
     */
    private function waitForRoom(float $timeout, Cancellation $cancellation): void
    {
        $turn = new DeferredFuture();
        $turn->getFuture()->ignore();
        $this->waiting[spl_object_id($turn)] = $turn;
        if (!$this->dialing) {
            $this->dialing = true;
            async($this->dialShared(...), $timeout)->ignore();
        }
        try {
            $turn->getFuture()->await($cancellation);
        } finally {
            unset($this->waiting[spl_object_id($turn)]);
        }
    }

    /** Reserves an existing connection, or returns null. */
    private function take(): ?Connection
    {
        $this->shared = array_values(array_filter(
            $this->shared,
            static fn (Http2Connection $connection): bool => $connection->isOpen(),
        ));
        foreach ($this->shared as $connection) {
            if ($connection->reserve()) {
                return $connection;
            }
        }
        while ($this->idle !== []) {
            [$connection] = array_pop($this->idle);
            if ($connection->reserve()) {
                return $connection;
            }
            $connection->close();
        }
        return null;
    }

    /** Makes connections until no request waits, or an attempt fails. */
    private function dialShared(float $timeout): void
    {
        try {
            while ($this->http2 && $this->waiting !== []) {
                $connection = $this->dial($timeout, null);
                if (!$connection instanceof Http2Connection) {
                    $this->http2 = false;
                    $this->keep($connection);
                } elseif ($connection->room() === 0) {
                    $connection->close();
                    throw new BrokenException('the API refuses streams on a new connection');
                } else {
                    $this->shared[] = $connection;
                    $this->wake($connection->room());
                }
            }
            $this->wake(count($this->waiting));
        } catch (\Throwable $error) {
            foreach ($this->waiting as $turn) {
                $turn->error($error);
            }
            $this->waiting = [];
        } finally {
            $this->dialing = false;
        }
    }

    private function wake(int $count): void
    {
        foreach (array_slice($this->waiting, 0, $count, true) as $id => $turn) {
            unset($this->waiting[$id]);
            $turn->complete();
        }
    }

    /** @throws Problem|StreamException|CancelledException */
    private function dial(float $timeout, ?Cancellation $cancellation): Connection
    {
        $bound = new TimeoutCancellation($timeout);
        $either = $cancellation === null ? $bound : new CompositeCancellation($cancellation, $bound);
        try {
            $transport = Transport::connect($this->api, $this->http2 ? ['h2', 'http/1.1'] : ['http/1.1'], $either);
            if ($transport->protocol() !== 'h2') {
                return new Http1Connection($transport, $this->keep(...));
            }
            $connection = new Http2Connection($transport);
            try {
                $connection->start($either);
            } catch (\Throwable $error) {
                $connection->close();
                throw $error;
            }
            return $connection;
        } catch (CancelledException) {
            $cancellation?->throwIfRequested();
            throw Problem::connectTimeout();
        }
    }

    /** Returns a connection to the pool. The connection can carry another request. */
    private function keep(Http1Connection $connection): void
    {
        $this->idle[] = [$connection, Deadline::now()];
        if (count($this->idle) > self::MAX_IDLE) {
            $this->closeOldest();
        }
        $this->sweeper ??= EventLoop::delay(self::IDLE_TIME, $this->sweep(...));
    }

    /** Closes the connections that are idle for too long. One timer is enough, because the oldest is first. */
    private function sweep(): void
    {
        $this->sweeper = null;
        $latest = Deadline::now() - self::IDLE_TIME;
        while ($this->idle !== [] && $this->idle[0][1] <= $latest) {
            $this->closeOldest();
        }
        if ($this->idle !== []) {
            $this->sweeper = EventLoop::delay($this->idle[0][1] - $latest, $this->sweep(...));
        }
    }

    private function closeOldest(): void
    {
        [$connection] = array_shift($this->idle);
        $connection->close();
    }
}
