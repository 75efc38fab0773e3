<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/** What speaks a protocol on a link; called from the link's coroutine. */
interface Session
{
    /** Whether it has room for more bytes now. If that changes to yes, it wakes the link. */
    public function wantsMore(): bool;

    public function receive(string $bytes): void;

    /** @param bool $clean whether the API ended the connection as its transport provides (under TLS: close_notify) */
    public function ended(bool $clean): void;
}
