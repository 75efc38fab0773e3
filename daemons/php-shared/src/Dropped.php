<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The failure of a peer that did not hand over a client. The message is for the log. */
final class Dropped extends \RuntimeException
{
    public function __construct(
        string $message,
        /** The peer closed without a handoff, which is not a failure and does not need a log line. */
        public readonly bool $quiet = false,
    ) {
        parent::__construct($message);
    }
}
