<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Api;
use StreamingDaemon\Http1Response;
use StreamingDaemon\Http1State;
use StreamingDaemon\Job;

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
        if ($this->reply === null || $this->response === null) {
            $this->close(); // nobody asked
            return;
        }
        $this->answered = true;
        $body = $this->response->feed($bytes);
        $answer = $this->response->answer();
        if ($answer !== null && !$this->reply->begun()) {
            $this->reply->begin($answer);
        }
        $this->reply->deliver($body);
        $this->conclude();
    }

    public function ended(bool $clean): void
    {
        if ($this->reply !== null && $this->response !== null) {
            $clean ? $this->response->end() : $this->response->cut();
            if ($this->requests > 1 && !$this->answered) {
                $this->reply->fail(new Unprocessed('the API closed a connection that was in use'));
            }
            $this->conclude();
        }
        $this->close();
    }

    /** The reply is not wanted any more: HTTP/1.1 can only close. */
    public function abandon(): void
    {
        $this->reply = null;
        $this->close();
    }

    /** Tells the reply how far the response has come. */
    private function conclude(): void
    {
        $reply = $this->reply;
        if ($reply === null || $this->response === null) {
            return; // it had enough
        }
        $state = $this->response->state();
        if ($state === Http1State::Ended) {
            $reply->finish();
        } elseif ($state === Http1State::Broken) {
            $reply->fail($this->response->failure());
        }
        if ($state === Http1State::Ended || $state === Http1State::Broken) {
            $this->reply = null;
            $this->idleSince = Clock::now();
            $this->response->reusable() && $this->link->isFlushed() ? $this->pool->settle() : $this->close();
        }
        $reply->notify();
    }
}
