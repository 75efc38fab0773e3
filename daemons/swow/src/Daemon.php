<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use Socket;
use StreamingDaemon\Dropped;
use StreamingDaemon\Exhausted;
use StreamingDaemon\Handoff;
use StreamingDaemon\Listener;
use StreamingDaemon\Log;
use StreamingDaemon\Options;
use StreamingDaemon\Problem;
use StreamingDaemon\Redactor;
use Swow\Channel;
use Swow\ChannelException;
use Swow\Coroutine;
use Swow\Signal;

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

    /** Milliseconds until accepting is tried again when descriptors ran out. */
    private const PAUSE = 100;

    /** Seconds that a connected peer has left when the daemon stops; the web server gives itself 200 ms. */
    private const PEER_TIME = 0.25;

    /** Milliseconds until a peer that has connected is looked at again; twice as many each time. */
    private const FIRST_LOOK = 1;
    private const LAST_LOOK = 64;

    /** Seconds that the last errors have to reach their clients when time is up. */
    private const LAST_WORDS_TIME = 0.25;

    private readonly Redactor $redactor;
    private readonly Log $log;
    private readonly ?OpenSsl $openssl;
    private readonly Channel $changed;

    /** @var array<int, Exchange> those that take a place, by their coroutines */
    private array $served = [];

    /** How many clients were refused, and are still to be closed. */
    private int $refused = 0;

    /** How many peers have connected and not sent yet. */
    private int $peers = 0;
    private int $signals = 0;
    private bool $stopping = false;
    private bool $accepting = true;
    private float $peersUntil = INF;

    public function __construct(private readonly Options $options)
    {
        $api = $options->api;
        $this->redactor = new Redactor($api->key);
        $this->log = new Log($this->redactor);
        $this->openssl = $api->tls && $api->socket === null ? OpenSsl::forApi($api) : null;
        $this->changed = new Channel(1);
    }

    /** Serves until SIGTERM or SIGINT, then finishes what is running. */
    public function run(): void
    {
        foreach ([Signal::TERM, Signal::INT] as $signal) { // before the socket: whoever sees it may send signals
            Coroutine::run(function () use ($signal): void {
                for (;;) {
                    Signal::wait($signal);
                    ++$this->signals;
                    $this->notify();
                }
            });
        }
        $listener = Listener::open($this->options->socket, $this->options->socketMode);
        $stream = ListenerStream::of($this->options->socket);
        $this->log->line('serving', ['socket' => $this->options->socket]);
        Coroutine::run(fn () => $this->accept($listener, $stream));
        $this->wait(fn (): bool => $this->signals > 0, INF);
        $this->stop($listener);
    }

    private function stop(Listener $listener): void
    {
        $this->log->line('stopping', ['streams' => count($this->served)]);
        $this->peersUntil = Clock::now() + self::PEER_TIME;
        $listener->refuseNewPeers(); // which wakes the acceptor
        $this->stopping = true;
        $empty = fn (): bool =>
            !$this->accepting && $this->peers === 0 && $this->refused === 0 && $this->served === [];
        $this->wait(fn (): bool => $empty() || $this->signals > 1, Clock::now() + $this->options->shutdownTimeout);
        foreach ($this->served as $exchange) {
            $exchange->interrupt(Problem::shuttingDown());
        }
        $this->wait($empty, Clock::now() + self::LAST_WORDS_TIME);
        $this->log->line('stopped');
    }

    /**
     * Accepts peers until the listener has no more.
     *
     * @param resource $stream
     */
    private function accept(Listener $listener, $stream): void
    {
        for ($accepted = 1;; ++$accepted) {
            try {
                $peer = $listener->accept();
            } catch (Exhausted $why) {
                $this->log->line('cannot accept handoffs', ['reason' => $why->getMessage()]);
                msleep(self::PAUSE);
                continue;
            }
            if ($peer !== null) {
                Coroutine::run(fn () => $this->receive($peer));
            } elseif ($this->stopping) {
                break;
            }
            if ($peer === null || $accepted % self::BATCH === 0) {
                stream_poll_one($stream, STREAM_POLLIN);
            }
        }
        fclose($stream);
        $listener->close();
        $this->accepting = false;
        $this->notify();
    }

    /** Receives a peer's handoff, and serves its client. */
    private function receive(Socket $peer): void
    {
        $handoff = null;
        ++$this->peers;
        try {
            $handoff = $this->handoff($peer);
        } catch (Dropped $why) {
            if (!$why->quiet) {
                $this->log->line('dropped a handoff', ['reason' => $why->getMessage()]);
            }
        } finally {
            socket_close($peer);
            --$this->peers;
        }
        if ($handoff !== null) {
            $this->serve($handoff);
        }
        $this->notify();
    }

    /**
     * The peer's message is there when it is accepted, or a moment later: Swow cannot wait
     * for a socket of this kind, so it is looked at again, less and less often.
     *
     * @throws Dropped
     */
    private function handoff(Socket $peer): Handoff
    {
        $deadline = Clock::now() + $this->options->handoffTimeout;
        for ($pause = self::FIRST_LOOK; ($handoff = Handoff::receive($peer)) === null; $pause *= 2) {
            $until = min($deadline, $this->peersUntil);
            if (Clock::now() >= $until) {
                throw new Dropped('the peer sent nothing in time');
            }
            msleep(min($pause, self::LAST_LOOK, Clock::until($until)));
        }
        return $handoff;
    }

    private function serve(Handoff $handoff): void
    {
        $client = new ClientSocket($handoff->client, $this->options->writeTimeout);
        $exchange = new Exchange($client, $this->openssl, $this->options, $this->redactor, $this->log);
        try {
            $job = $handoff->job();
            if (count($this->served) >= $this->options->maxConnections) {
                throw Problem::tooManyConnections()->with($job->headers);
            }
        } catch (Problem $problem) {
            ++$this->refused;
            $exchange->refuse($problem);
            --$this->refused;
            return;
        }
        $id = Coroutine::getCurrent()->getId();
        $this->served[$id] = $exchange;
        $exchange->serve($job);
        unset($this->served[$id]);
    }

    private function notify(): void
    {
        if ($this->changed->isEmpty()) {
            $this->changed->push(true);
        }
    }

    /** @param \Closure(): bool $holds */
    private function wait(\Closure $holds, float $deadline): void
    {
        while (!$holds() && Clock::now() < $deadline) {
            try {
                $this->changed->pop(Clock::until($deadline));
            } catch (ChannelException) {
                return; // the time is up
            }
        }
    }
}
