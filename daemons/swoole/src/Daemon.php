<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use Socket;
use StreamingDaemon\Client;
use StreamingDaemon\Dropped;
use StreamingDaemon\Exhausted;
use StreamingDaemon\Handoff;
use StreamingDaemon\Listener;
use StreamingDaemon\Log;
use StreamingDaemon\Options;
use StreamingDaemon\Problem;
use StreamingDaemon\Redactor;
use Swoole\Coroutine;
use Swoole\Process;

/**
 * The server of the process: it accepts handoffs, limits their number, and shuts down after a signal.
 *
 * Each connecting peer gets a coroutine, which receives the handoff and serves the client, from the
 * first byte to the last.
 */
final class Daemon
{
    /** How many peers the daemon accepts before it handles other events. */
    private const BATCH = 64;

    /** The time between two accept calls without a free descriptor, in seconds. */
    private const PAUSE = 0.1;

    /** How long a stopping daemon waits for a connected peer, in seconds. The web server sends within 200 ms. */
    private const PEER_TIME = 0.25;

    /** The time to send the error events after the shutdown timeout, in seconds. */
    private const FINAL_ERROR_TIME = 0.25;

    private readonly Redactor $redactor;
    private readonly Log $log;
    private readonly Pool $pool;
    private readonly Condition $changed;

    /** @var array<int, Exchange> the exchanges that count for max-connections */
    private array $served = [];

    /** @var array<int, Exchange> the refused exchanges whose clients are not yet closed */
    private array $refused = [];
    /** @var array<int, Watch> the connected peers that have not yet sent */
    private array $pending = [];
    private int $signals = 0;
    private bool $stopping = false;
    private bool $accepting = true;
    private ?Watch $acceptor = null;
    private float $peersUntil = INF;

    public function __construct(private readonly Options $options)
    {
        $this->redactor = new Redactor($options->api->key);
        $this->log = new Log($this->redactor);
        $this->pool = new Pool($options->api, new Dialer($options->api, $this->log, $options->connectTimeout));
        $this->changed = new Condition();
    }

    /** Serves until SIGTERM or SIGINT, then shuts down. Call it in a coroutine. */
    public function run(): void
    {
        foreach ([SIGTERM, SIGINT] as $signal) { // before the socket, which is the sign of readiness
            Process::signal($signal, function (): void {
                ++$this->signals;
                $this->changed->notify();
            });
        }
        $listener = Listener::open($this->options->socket, $this->options->socketMode);
        $this->log->line('serving', ['socket' => $this->options->socket]);
        Coroutine::create(fn () => $this->accept($listener));
        $this->changed->wait(fn (): bool => $this->signals > 0, INF);
        $this->stop($listener);
    }

    private function stop(Listener $listener): void
    {
        $this->log->line('stopping', ['streams' => count($this->served)]);
        $this->peersUntil = Clock::now() + self::PEER_TIME;
        $listener->refuseNewPeers();
        $this->stopping = true;
        $this->acceptor?->wake();
        foreach ($this->pending as $peer) {
            $peer->wake(); // its deadline is shorter now
        }
        $empty = fn (): bool => !$this->accepting && $this->pending === [] && $this->exchanges() === [];
        $this->changed->wait(
            fn (): bool => $empty() || $this->signals > 1,
            Clock::now() + $this->options->shutdownTimeout,
        );
        foreach ($this->exchanges() as $exchange) {
            $exchange->interrupt(Problem::shuttingDown());
        }
        $this->changed->wait($empty, Clock::now() + self::FINAL_ERROR_TIME);
        foreach ($this->exchanges() as $exchange) {
            $exchange->abort();
        }
        $this->pool->close();
        $this->log->line('stopped');
    }

    /** @return array<int, Exchange> */
    private function exchanges(): array
    {
        return $this->served + $this->refused;
    }

    /** Accepts peers until the daemon stops and the queue is empty. */
    private function accept(Listener $listener): void
    {
        $this->acceptor = new Watch(socket_export_stream($listener->socket()));
        for ($accepted = 0;; ++$accepted) {
            try {
                $peer = $listener->accept();
            } catch (Exhausted $error) {
                $this->log->line('cannot accept for now', ['reason' => $error->getMessage()]);
                $this->acceptor->wait(0, self::PAUSE);
                continue;
            }
            if ($peer !== null) {
                Coroutine::create(fn () => $this->receive($peer));
            } elseif ($this->stopping) {
                break;
            }
            if ($peer === null || $accepted % self::BATCH === self::BATCH - 1) {
                $this->acceptor->wait(SWOOLE_EVENT_READ);
            }
        }
        $this->acceptor->close();
        $listener->close();
        $this->accepting = false;
        $this->changed->notify();
    }

    /** Receives a peer's handoff, and serves its client. */
    private function receive(Socket $peer): void
    {
        try {
            $handoff = $this->handoff($peer);
        } catch (Dropped $error) {
            $handoff = null;
            if (!$error->quiet) {
                $this->log->line('discarded a handoff', ['reason' => $error->getMessage()]);
            }
        } finally {
            socket_close($peer);
        }
        if ($handoff !== null) {
            $this->serve($handoff);
        }
        $this->changed->notify();
    }

    /** @throws Dropped */
    private function handoff(Socket $peer): Handoff
    {
        $deadline = Clock::now() + $this->options->handoffTimeout;
        $watch = null;
        try {
            while (($handoff = Handoff::receive($peer)) === null) {
                if (Clock::now() >= min($deadline, $this->peersUntil)) {
                    throw new Dropped('the peer sent nothing before --handoff-timeout');
                }
                $watch ??= new Watch(socket_export_stream($peer));
                $this->pending[spl_object_id($watch)] = $watch;
                $watch->wait(SWOOLE_EVENT_READ, min($deadline, $this->peersUntil) - Clock::now());
            }
            return $handoff;
        } finally {
            if ($watch !== null) {
                $watch->close();
                unset($this->pending[spl_object_id($watch)]);
            }
        }
    }

    private function serve(Handoff $handoff): void
    {
        $id = Coroutine::getCid();
        $condition = new Condition();
        $client = $this->adopt($handoff->client, $condition, $id);
        $exchange = new Exchange($client, $condition, $this->pool, $this->options, $this->redactor, $this->log);
        try {
            $job = $handoff->job();
            $full = count($this->served) >= $this->options->maxConnections;
            $problem = $full ? Problem::tooManyConnections()->with($job->headers) : null;
        } catch (Problem $problem) {
            $job = null;
        }
        if ($problem === null) {
            $this->served[$id] = $exchange;
        } else {
            $this->refused[$id] = $exchange;
        }
        $client->watch();
        $problem === null ? $exchange->serve($job) : $exchange->refuse($problem);
    }

    private function adopt(Client $client, Condition $condition, int $id): ClientConnection
    {
        return new ClientConnection($client, $condition, $this->options->writeTimeout, function () use ($id): void {
            unset($this->served[$id], $this->refused[$id]);
            $this->changed->notify();
        });
    }
}
