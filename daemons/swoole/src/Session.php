<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/** A protocol on a link. The link's coroutine calls it. */
interface Session
{
    /** Reports whether it has room for more bytes. It wakes the link when it has room again. */
    public function wantsMore(): bool;

    public function receive(string $bytes): void;

    /** @param bool $clean the API ended the connection cleanly: by FIN, under TLS after close_notify */
    public function ended(bool $clean): void;
}
