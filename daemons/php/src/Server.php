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
 * Takes handoffs and runs an exchange for each, in a fiber of its own, until it is told
 * to stop; then it serves what is queued, lets what runs finish, and ends the rest (L2).
 */
final class Server
{
    /** How long accepting rests when descriptors are out; short against the web server's 100 ms. */
    private const EXHAUSTED_PAUSE = 0.02;

    /** For peers that have connected but not yet sent when the daemon is told to stop. */
    private const DRAIN_GRACE = 0.25;

    /** How long exchanges may take to end once they must: last words and hurried lingering. */
    private const ENDING_GRACE = 0.5;

    /** How many peers are accepted in a row before others have their turn. */
    private const FAIR_ACCEPTS = 32;

    private readonly string $watch;
    private readonly Signal $released;
    /** @var array<int, Exchange> those that hold a place */
    private array $exchanges = [];
    /** Fibers that run: peers and exchanges, refused ones too. */
    private int $held = 0;
    private bool $exhausted = false;

    public function __construct(
        private readonly Service $service,
        private readonly Listener $listener,
        private readonly int $maxConnections,
        /** Told when no more handoffs are wanted. */
        private readonly Cancellation $stopping,
    ) {
        $this->released = new Signal();
        $stream = socket_export_stream($listener->socket());
        $this->watch = EventLoop::onReadable($stream, $this->accept(...));
    }

    /** Serves until it is told to stop and everything has ended. */
    public function run(): void
    {
        try {
            (new Signal())->wait($this->stopping);
        } catch (CancelledException) {
            // That is the wish to stop.
        }
        $log = $this->service->log;
        EventLoop::cancel($this->watch);
        $this->listener->refuseNewPeers();
        while ($this->acceptOne()) {
            // until the queue is empty
        }
        $log->line('stopping', ['held' => $this->held]);
        if (!$this->allEnded($this->service->options->shutdownTimeout)) {
            $log->line('ending what still runs', ['held' => $this->held]);
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
            // the next one
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
            $this->rest();
            return false;
        }
        if ($peer !== null) {
            ++$this->held;
            async($this->serve(...), $peer)->ignore();
        }
        return $peer !== null;
    }

    private function rest(): void
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
            socket_close($peer); // before a descriptor is needed for the API
            $room = count($this->exchanges) < $this->maxConnections;
            $exchange = new Exchange($this->service, $handoff->client);
            if ($room) {
                $this->exchanges[$id] = $exchange;
            }
            $exchange->run($handoff, $room);
        } catch (Dropped $error) {
            if (!$error->quiet) {
                $this->service->log->line('a handoff was dropped', ['reason' => $error->getMessage()]);
            }
        } catch (\Throwable $error) {
            $this->service->log->line('a bug', ['error' => (string) $error]);
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
        return Handoff::receive($peer) ?? throw new Dropped('the peer connected and sent nothing');
    }

    private function waitOnceMore(Readiness $readable, float $seconds): void
    {
        try {
            $readable->wait(new TimeoutCancellation($seconds));
        } catch (CancelledException) {
            // A message that is there by now is served all the same.
        }
    }
}
