<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * One response of the API on its way in, whatever the protocol. Nothing here waits.
 *
 * What is taken makes room for more: that is all of back pressure (U6).
 */
interface Incoming
{
    /** The head, once it has arrived. */
    public function head(): ?ApiAnswer;

    /** The bytes of the body that have arrived since the last call. */
    public function take(): string;

    /** Whether nothing more will arrive; what arrived can still be taken. */
    public function isOver(): bool;

    /** Why it is over before its end; null when it has all arrived, or is not over. */
    public function failure(): ?\Throwable;

    /**
     * Nobody wants the rest: the request ends now (U5).
     *
     * @param bool $suspect the API was silent for too long, so its connection may be dead
     */
    public function cancel(bool $suspect = false): void;
}
