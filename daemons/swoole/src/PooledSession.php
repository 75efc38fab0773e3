<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Job;

/** A connection in the pool. */
interface PooledSession extends Session
{
    /** Returns how many requests the connection carries at the same time. */
    public function capacity(): int;

    /** Returns how many requests the connection can accept now. */
    public function room(): int;

    /** Returns the monotonic time since when the connection is idle, or null. */
    public function idleSince(): ?float;

    public function isClosed(): bool;

    /** Sends a request. Call it only if room() is not 0. */
    public function request(Job $job, Condition $condition): Reply;

    public function close(): void;
}
