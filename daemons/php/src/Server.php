<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\CancelledException;
use Amp\CompositeCancellation;
use Amp\TimeoutCancellation;
use Revolt\EventLoop;
use Socket;
use StreamingDaemon\Dropped;
use StreamingDaemon\Exhausted;
use StreamingDaemon\Handoff;
use StreamingDaemon\Listener;
use StreamingDaemon\Problem;

use function Amp\async;

/**
 * The server receives handoffs and runs an exchange for each, in its own fiber. A stopping server
 * serves the queued handoffs, waits for the running exchanges, and ends those that outlast the
 * shutdown timeout (L2).
 */
final class Server
{
    /**
     * The time between two accept calls when the process has no free descriptor, in seconds. It is
     * much shorter than the 100 ms that the web server waits.
     */
    private const EXHAUSTED_PAUSE = 0.02;

    /** How long a stopping daemon waits for a peer that has connected and not yet sent, in seconds. */
    private const DRAIN_GRACE = 0.25;

    /** How long the exchanges may take to end after the shutdown timeout, in seconds: error event and linger. */
    private const ENDING_GRACE = 0.5;

    /** How many peers the server accepts before it handles other events. */
    private const FAIR_ACCEPTS = 32;

    private readonly string $watch;
    private readonly Signal $released;
    /** @var array<int, Exchange> the exchanges that count for max-connections */
    private array $exchanges = [];
    /** The number of running fibers: peers and exchanges, also refused ones. */
    private int $held = 0;
    private bool $exhausted = false;

    public function __construct(
        private readonly Service $service,
        private readonly Listener $listener,
        private readonly int $maxConnections,
        /** Cancelled when the server stops accepting handoffs. */
        private readonly Cancellation $stopping,
    ) {
        $this->released = new Signal();
        $stream = socket_export_stream($listener->socket());
        $this->watch = EventLoop::onReadable($stream, $this->accept(...));
    }

    /** Serves until the cancellation, and then until all exchanges have ended. */
    public function run(): void
    {
        try {
            (new Signal())->wait($this->stopping);
        } catch (CancelledException) {
            // The server stops.
        }
        $log = $this->service->log;
        EventLoop::cancel($this->watch);
        $this->listener->refuseNewPeers();
        while ($this->acceptOne()) {
            // accept the next queued peer
        }
        $log->line('stopping', ['held' => $this->held]);
        if (!$this->allEnded($this->service->options->shutdownTimeout)) {
            $log->line('ending the exchanges that outlast --shutdown-timeout', ['held' => $this->held]);
            foreach ($this->exchanges as $exchange) {
                $exchange->cut(Problem::shuttingDown());
            }
            $this->allEnded(self::ENDING_GRACE);
        }
        $this->listener->close();
    }

    private function allEnded(float $within): bool
    {
        $bound = new TimeoutCancellation($within);
        try {
            while ($this->held > 0) {
                $this->released->wait($bound);
            }
        } catch (CancelledException) {
            return false;
        }
        return true;
    }

    private function accept(): void
    {
        for ($turn = 0; $turn < self::FAIR_ACCEPTS && $this->acceptOne(); ++$turn) {
            // accept the next peer
        }
    }

    private function acceptOne(): bool
    {
        try {
            $peer = $this->listener->accept();
            $this->exhausted = false;
        } catch (Exhausted $error) {
            if (!$this->exhausted) {
                $this->service->log->line('cannot accept for now', ['error' => $error->getMessage()]);
            }
            $this->exhausted = true;
            $this->pause();
            return false;
        }
        if ($peer !== null) {
            ++$this->held;
            async($this->serve(...), $peer)->ignore();
        }
        return $peer !== null;
    }

    private function pause(): void
    {
        if (!$this->stopping->isRequested()) {
            EventLoop::disable($this->watch);
            EventLoop::delay(self::EXHAUSTED_PAUSE, function (): void {
                if (!$this->stopping->isRequested()) {
                    EventLoop::enable($this->watch);
                }
            });
        }
    }

    private function serve(Socket $peer): void
    {
        $id = spl_object_id($peer);
        try {
            $handoff = $this->receive($peer);
            socket_close($peer); // frees a descriptor before the API's connection needs one
            $room = count($this->exchanges) < $this->maxConnections;
            $exchange = new Exchange($this->service, $handoff->client);
            if ($room) {
                $this->exchanges[$id] = $exchange;
            }
            $exchange->run($handoff, $room);
        } catch (Dropped $error) {
            if (!$error->quiet) {
                $this->service->log->line('discarded a handoff', ['reason' => $error->getMessage()]);
            }
        } catch (\Throwable $error) {
            $this->service->log->line('unexpected error', ['error' => (string) $error]);
        } finally {
            unset($this->exchanges[$id]);
            --$this->held;
            $this->released->fire();
        }
    }

    /** @throws Dropped */
    private function receive(Socket $peer): Handoff
    {
        $handoff = Handoff::receive($peer);
        if ($handoff !== null) {
            return $handoff;
        }
        $readable = Readiness::toRead(socket_export_stream($peer));
        $timeout = $this->service->options->handoffTimeout;
        $bound = new CompositeCancellation(new TimeoutCancellation($timeout), $this->stopping);
        try {
            $readable->wait($bound);
        } catch (CancelledException) {
            if ($this->stopping->isRequested()) {
                $this->waitOnceMore($readable, min(self::DRAIN_GRACE, $timeout));
            }
        } finally {
            $readable->close();
        }
        return Handoff::receive($peer) ?? throw new Dropped('the peer sent nothing before --handoff-timeout');
    }

    private function waitOnceMore(Readiness $readable, float $seconds): void
    {
        try {
            $readable->wait(new TimeoutCancellation($seconds));
        } catch (CancelledException) {
            // A message that has already arrived is still served.
        }
    }
}
