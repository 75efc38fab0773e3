<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** One dispatched server-sent event. */
final class Event
{
    /** The kind of an event that reports a failure. */
    public const ERROR = 'error';

    public function __construct(
        /** The event field; empty for an ordinary message. */
        public readonly string $kind,
        /** The data lines, joined by line feeds. */
        public readonly string $data,
    ) {
    }

    /** Reports whether the event carries a part of the answer. Others, and those with empty data, are heartbeats. */
    public function isMessage(): bool
    {
        return ($this->kind === '' || $this->kind === 'message') && trim($this->data) !== '';
    }
}
