<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Job;

/** A request that waits for a connection, with its result. */
final class Ticket
{
    public ?Reply $reply = null;
    public ?\Throwable $failure = null;

    public function __construct(
        public readonly Job $job,
        public readonly Condition $condition,
    ) {
    }

    public function isSettled(): bool
    {
        return $this->reply !== null || $this->failure !== null;
    }

    public function send(PooledSession $session): void
    {
        $this->reply = $session->request($this->job, $this->condition);
        $this->condition->notify();
    }

    public function fail(\Throwable $failure): void
    {
        $this->failure = $failure;
        $this->condition->notify();
    }
}
