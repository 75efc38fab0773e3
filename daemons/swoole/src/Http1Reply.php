<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/** A response on an HTTP/1.1 connection, which is not read while too much of it waits. */
final class Http1Reply extends Reply
{
    private const HIGH_WATER = 65536;

    public function __construct(private readonly Http1Session $session, Condition $condition)
    {
        parent::__construct($condition);
    }

    public function hasRoom(): bool
    {
        return $this->backlog() < self::HIGH_WATER;
    }

    protected function consumed(int $bytes): void
    {
        if ($bytes >= self::HIGH_WATER) {
            $this->session->resume();
        }
    }

    protected function abandon(bool $suspect): void
    {
        $this->session->abandon();
    }
}
