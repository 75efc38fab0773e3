<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Api;
use StreamingDaemon\Http1Response;
use StreamingDaemon\Job;
use StreamingDaemon\Problem;

/**
 * HTTP/1.1 on a link: one request at a time.
 *
 * The link is used again only after a response that was whole, left nothing behind it
 * and did not ask for the end, to a request that was sent to its end (U9).
 */
final class Http1Session implements PooledSession
{
    private ?Http1Response $response = null;
    private ?Http1Reply $reply = null;
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
        $this->link->start($this, tellEnds: true);
    }

    public function capacity(): int
    {
        return 1;
    }

    public function room(): int
    {
        return $this->reply === null && !$this->closed ? 1 : 0;
    }

    public function idleSince(): ?float
    {
        return $this->reply === null ? $this->idleSince : null;
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
        $this->response = new Http1Response();
        $this->reply = new Http1Reply($this, $condition);
        $this->link->write($request);
        return $this->reply;
    }

    public function close(): void
    {
        if (!$this->closed) {
            $this->closed = true;
            $this->link->close();
            $this->pool->settle();
        }
    }

    /** The reply has room again. */
    public function resume(): void
    {
        $this->link->wake();
    }

    public function wantsMore(): bool
    {
        return $this->reply?->hasRoom() ?? true;
    }

    public function receive(string $bytes): void
    {
        [$reply, $response] = [$this->reply, $this->response];
        if ($reply === null || $response === null) {
            $this->close(); // nobody asked
            return;
        }
        $this->answered = true;
        try {
            // What came before a mistake is the client's.
            for (; ($body = $response->feed($bytes)) !== ''; $bytes = '') {
                $this->begin($reply, $response);
                $reply->deliver($body);
            }
        } catch (\UnexpectedValueException $mistake) {
            $this->fail($reply, Problem::broken("the API's answer is malformed: {$mistake->getMessage()}"));
            return;
        }
        $this->begin($reply, $response);
        $this->conclude($reply, $response);
    }

    public function ended(bool $clean): void
    {
        if ($this->reply === null || $this->response === null) {
            $this->close();
            return;
        }
        try {
            $clean ? $this->response->end() : throw new \UnexpectedValueException('the connection broke');
            $this->conclude($this->reply, $this->response);
        } catch (\UnexpectedValueException) {
            $unseen = $this->requests > 1 && !$this->answered;
            $this->fail($this->reply, match (true) {
                $unseen => new Unprocessed('the API closed a connection that was in use'),
                $this->reply->begun() => Problem::brokenOff(),
                default => Problem::unreachable(),
            });
        }
        $this->close();
    }

    /** The reply is not wanted any more: HTTP/1.1 can only close. */
    public function abandon(): void
    {
        $this->reply = null;
        $this->close();
    }

    private function begin(Http1Reply $reply, Http1Response $response): void
    {
        $head = $response->head();
        if ($head !== null && !$reply->begun()) {
            $reply->begin($head);
        }
    }

    /** Tells the reply that something came, and whether that was all. */
    private function conclude(Http1Reply $reply, Http1Response $response): void
    {
        if ($response->complete() && $this->reply !== null) { // else it had enough already
            $this->reply = null;
            $this->idleSince = Clock::now();
            $reply->finish();
            $response->reusable() && $this->link->isFlushed() ? $this->pool->settle() : $this->close();
        }
        $reply->notify();
    }

    private function fail(Http1Reply $reply, \Throwable $why): void
    {
        $this->reply = null;
        $reply->fail($why);
        $this->close();
        $reply->notify();
    }
}
