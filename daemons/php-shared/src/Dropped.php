<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** A peer sent nothing that could be served; its message says why, for the log. */
final class Dropped extends \RuntimeException
{
    public function __construct(
        string $message,
        /** The peer left without a handoff and without a fault: not worth a line. */
        public readonly bool $quiet = false,
    ) {
        parent::__construct($message);
    }
}
