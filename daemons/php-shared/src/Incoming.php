<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * A response of the API that is being received, over either HTTP version. No method waits.
 *
 * Taking bytes makes room for more. An exchange that does not take them pauses the API (U6).
 */
interface Incoming
{
    /** Returns the head, or null before it has arrived. */
    public function head(): ?ApiAnswer;

    /** Returns the bytes of the body that have arrived since the previous call. */
    public function take(): string;

    /** Reports whether the response has ended. Its last bytes can still be taken. */
    public function isOver(): bool;

    /** Returns the failure that ended the response, or null. */
    public function failure(): ?\Throwable;

    /**
     * Cancels the request at once (U5).
     *
     * @param bool $suspect the API was silent for too long, so its connection may be dead
     */
    public function cancel(bool $suspect = false): void;
}
