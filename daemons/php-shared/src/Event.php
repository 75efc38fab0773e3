<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** One dispatched server-sent event. */
final class Event
{
    public function __construct(
        /** The event field; empty for an ordinary message. */
        public readonly string $kind,
        /** The data lines, joined by line feeds. */
        public readonly string $data,
    ) {
    }
}
