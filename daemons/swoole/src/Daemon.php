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
 * The process: who is served, who is refused, and how it ends.
 *
 * Each peer that connects gets a coroutine, which receives the handoff and serves the
 * client, from the first byte to the last.
 */
final class Daemon
{
    /** Peers accepted before streams get their turn again. */
    private const BATCH = 64;

    /** Seconds until accepting is tried again when descriptors ran out. */
    private const PAUSE = 0.1;

    /** Seconds that a connected peer has left when the daemon stops; the web server gives itself 200 ms. */
    private const PEER_TIME = 0.25;

    /** Seconds that the last errors have to reach their clients when time is up. */
    private const LAST_WORDS_TIME = 0.25;

    private readonly Redactor $redactor;
    private readonly Log $log;
    private readonly Pool $pool;
    private readonly Condition $changed;

    /** @var array<int, Exchange> those that take a place */
    private array $served = [];

    /** @var array<int, Exchange> those that were told so, and are still to be closed */
    private array $refused = [];
    /** @var array<int, Watch> peers that have connected and not sent yet */
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

    /** Serves until SIGTERM or SIGINT, then finishes what is running. Called in a coroutine. */
    public function run(): void
    {
        foreach ([SIGTERM, SIGINT] as $signal) { // before the socket: whoever sees it may send signals
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
            $peer->wake(); // to see how much less time there is now
        }
        $empty = fn (): bool => !$this->accepting && $this->pending === [] && $this->exchanges() === [];
        $this->changed->wait(
            fn (): bool => $empty() || $this->signals > 1,
            Clock::now() + $this->options->shutdownTimeout,
        );
        foreach ($this->exchanges() as $exchange) {
            $exchange->interrupt(Problem::shuttingDown());
        }
        $this->changed->wait($empty, Clock::now() + self::LAST_WORDS_TIME);
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

    /** Accepts peers until the listener has no more. */
    private function accept(Listener $listener): void
    {
        $this->acceptor = new Watch(socket_export_stream($listener->socket()));
        for ($accepted = 0;; ++$accepted) {
            try {
                $peer = $listener->accept();
            } catch (Exhausted $why) {
                $this->log->line('cannot accept handoffs', ['reason' => $why->getMessage()]);
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
        } catch (Dropped $why) {
            $handoff = null;
            if (!$why->quiet) {
                $this->log->line('dropped a handoff', ['reason' => $why->getMessage()]);
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
                    throw new Dropped('the peer sent nothing in time');
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
