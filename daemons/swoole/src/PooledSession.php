<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Job;

/** A connection as the pool sees it: something that takes so many requests. */
interface PooledSession extends Session
{
    /** How many requests it can take at a time. */
    public function capacity(): int;

    /** How many requests it can take now. */
    public function room(): int;

    /** Since when it has had nothing to do, on the monotonic clock; null while it has. */
    public function idleSince(): ?float;

    public function isClosed(): bool;

    /** Sends a request; there must be room. */
    public function request(Job $job, Condition $condition): Reply;

    public function close(): void;
}
