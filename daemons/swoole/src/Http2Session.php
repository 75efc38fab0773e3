<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Api;
use StreamingDaemon\Http2\Connection;
use StreamingDaemon\Job;
use StreamingDaemon\Problem;

/** HTTP/2 on a link. It sends the protocol's bytes, and notifies the exchanges of received bytes. */
final class Http2Session implements PooledSession
{
    private readonly Connection $connection;
    private float $idleSince;
    private int $room = 0;

    public function __construct(
        private readonly Link $link,
        private readonly Api $api,
        /** Notified when the connection becomes usable, or ends. */
        private readonly Condition $usable,
        private readonly Pool $pool,
    ) {
        $this->connection = new Connection(function (): void {
            $this->changed();
        });
        $this->idleSince = Clock::now();
        $this->link->write($this->connection->output());
        $this->link->start($this, watchEnd: false);
    }

    public function isReady(): bool
    {
        return $this->connection->isReady();
    }

    public function capacity(): int
    {
        return $this->connection->capacity();
    }

    public function room(): int
    {
        return $this->connection->room();
    }

    public function idleSince(): ?float
    {
        return $this->connection->isIdle() ? $this->idleSince : null;
    }

    public function isClosed(): bool
    {
        return $this->connection->isClosed();
    }

    public function request(Job $job, Condition $condition): Reply
    {
        $headers = [
            ':method' => 'POST',
            ':scheme' => 'https',
            ':authority' => $this->api->authority(),
            ':path' => $this->api->path,
            ...$this->api->headers($job),
            'content-length' => (string) strlen($job->body),
        ];
        $stream = $this->connection->request($headers, $job->body);
        $reply = new Reply($stream, $condition);
        $stream->onChange($reply->notify(...));
        $this->room = $this->room();
        $this->link->write($this->connection->output());
        return $reply;
    }

    public function close(): void
    {
        $this->connection->end(Problem::brokenOff());
        $this->finish();
    }

    public function wantsMore(): bool
    {
        return true; // the windows of the streams pause the API
    }

    public function receive(string $bytes): void
    {
        $this->connection->receive($bytes);
        $this->changed();
    }

    public function ended(bool $clean): void
    {
        $this->connection->lost();
        $this->finish();
    }

    private function changed(): void
    {
        if ($this->connection->isIdle()) {
            $this->idleSince = Clock::now();
        }
        $this->link->write($this->connection->output());
        if ($this->connection->isClosed() || $this->connection->isSpent()) {
            $this->close();
            return;
        }
        if ($this->room !== $this->room()) { // most frames do not change it
            $this->room = $this->room();
            $this->usable->notify();
            $this->pool->settle();
        }
    }

    private function finish(): void
    {
        $this->link->write($this->connection->output());
        $this->link->close();
        $this->usable->notify();
        $this->pool->settle();
    }
}
