<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Api;
use StreamingDaemon\Http1Incoming;
use StreamingDaemon\Job;
use StreamingDaemon\Unprocessed;

/**
 * HTTP/1.1 on a link, with one request at a time.
 *
 * It carries another request only after a complete response to a completely sent request, without
 * bytes after it and without `Connection: close` (U9).
 */
final class Http1Session implements PooledSession
{
    private ?Http1Incoming $incoming = null;
    private ?Reply $reply = null;
    private int $requests = 0;
    private bool $answered = false;
    private bool $closed = false;
    private float $idleSince;

    public function __construct(
        private readonly Link $link,
        private readonly Api $api,
        private readonly Pool $pool,
    ) {
        $this->idleSince = Clock::now();
        $this->link->start($this, watchEnd: true);
    }

    public function capacity(): int
    {
        return 1;
    }

    public function room(): int
    {
        return $this->incoming === null && !$this->closed ? 1 : 0;
    }

    public function idleSince(): ?float
    {
        return $this->incoming === null ? $this->idleSince : null;
    }

    public function isClosed(): bool
    {
        return $this->closed;
    }

    public function request(Job $job, Condition $condition): Reply
    {
        $request = "POST {$this->api->path} HTTP/1.1\r\nHost: {$this->api->authority()}\r\n";
        foreach ($this->api->headers($job) as $name => $value) {
            $request .= ucwords($name, '-') . ": $value\r\n";
        }
        $request .= 'Content-Length: ' . strlen($job->body) . "\r\n\r\n" . $job->body;
        ++$this->requests;
        $this->answered = false;
        $this->incoming = new Http1Incoming($this->link->wake(...), $this->close(...));
        $reply = $this->reply = new Reply($this->incoming, $condition);
        $this->link->write($request); // a fast response may have ended $this->reply when this returns
        return $reply;
    }

    public function close(): void
    {
        if (!$this->closed) {
            $this->closed = true;
            $this->link->close();
            $this->pool->settle();
        }
    }

    public function wantsMore(): bool
    {
        return $this->incoming?->hasRoom() ?? true;
    }

    public function receive(string $bytes): void
    {
        if ($this->incoming === null) {
            $this->close(); // bytes without a request
            return;
        }
        $this->answered = true;
        $this->incoming->receive($bytes);
        $this->conclude();
    }

    public function ended(bool $clean): void
    {
        if ($this->requests > 1 && !$this->answered) {
            $this->incoming?->fail(new Unprocessed('the API closed a reused connection before it answered'));
        }
        $this->incoming?->end($clean);
        $this->close();
        $this->conclude();
    }

    /** Notifies the exchange, and detaches a response that has ended. */
    private function conclude(): void
    {
        [$incoming, $reply] = [$this->incoming, $this->reply];
        if ($incoming?->isOver()) {
            $this->incoming = $this->reply = null;
            $this->idleSince = Clock::now();
            if ($incoming->isReusable() && $this->link->isFlushed()) {
                $this->pool->settle();
            } else {
                $this->close();
            }
        }
        $reply?->notify();
    }
}
