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
 * The server of the process: it accepts handoffs, limits their number, and shuts down after a signal.
 *
 * Each connecting peer gets a coroutine, which receives the handoff and serves the client, from the
 * first byte to the last.
 */
final class Daemon
{
    /** How many peers the daemon accepts before it handles other events. */
    private const BATCH = 64;

    /** The time between two accept calls without a free descriptor, in milliseconds. */
    private const PAUSE = 100;

    /** How long a stopping daemon waits for a connected peer, in seconds. The web server sends within 200 ms. */
    private const PEER_TIME = 0.25;

    /** The first and the longest time between two checks of a connected peer, in milliseconds. It doubles each time. */
    private const FIRST_CHECK = 1;
    private const LAST_CHECK = 64;

    /** The time to send the error events after the shutdown timeout, in seconds. */
    private const FINAL_ERROR_TIME = 0.25;

    private readonly Redactor $redactor;
    private readonly Log $log;
    private readonly ?OpenSsl $openssl;
    private readonly Channel $changed;

    /** @var array<int, Exchange> the exchanges that count for max-connections, by their coroutines */
    private array $served = [];

    /** The number of refused clients that are not yet closed. */
    private int $refused = 0;

    /** The number of connected peers that have not yet sent. */
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

    /** Serves until SIGTERM or SIGINT, then shuts down. */
    public function run(): void
    {
        foreach ([Signal::TERM, Signal::INT] as $signal) { // before the socket, which is the sign of readiness
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
        $listener->refuseNewPeers(); // wakes the accepting coroutine
        $this->stopping = true;
        $empty = fn (): bool =>
            !$this->accepting && $this->peers === 0 && $this->refused === 0 && $this->served === [];
        $this->wait(fn (): bool => $empty() || $this->signals > 1, Clock::now() + $this->options->shutdownTimeout);
        foreach ($this->served as $exchange) {
            $exchange->interrupt(Problem::shuttingDown());
        }
        $this->wait($empty, Clock::now() + self::FINAL_ERROR_TIME);
        $this->log->line('stopped');
    }

    /**
     * Accepts peers until the daemon stops and the queue is empty.
     *
     * @param resource $stream
     */
    private function accept(Listener $listener, $stream): void
    {
        for ($accepted = 1;; ++$accepted) {
            try {
                $peer = $listener->accept();
            } catch (Exhausted $error) {
                $this->log->line('cannot accept for now', ['reason' => $error->getMessage()]);
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
        } catch (Dropped $error) {
            if (!$error->quiet) {
                $this->log->line('discarded a handoff', ['reason' => $error->getMessage()]);
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
     * Receives a peer's handoff. Most messages have arrived at accept. Swow cannot wait for a socket of
     * this kind, so this method polls, less often each time.
     *
     * @throws Dropped
     */
    private function handoff(Socket $peer): Handoff
    {
        $deadline = Clock::now() + $this->options->handoffTimeout;
        for ($pause = self::FIRST_CHECK; ($handoff = Handoff::receive($peer)) === null; $pause *= 2) {
            $until = min($deadline, $this->peersUntil);
            if (Clock::now() >= $until) {
                throw new Dropped('the peer sent nothing before --handoff-timeout');
            }
            msleep(min($pause, self::LAST_CHECK, Clock::until($until)));
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
                return; // the deadline has passed
            }
        }
    }
}
