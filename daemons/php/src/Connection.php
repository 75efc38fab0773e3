<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\Http\Client\Request;
use Amp\Http\Client\Response;

/** What carries requests to the API: HTTP/1.1 one after the other, HTTP/2 side by side. */
interface Connection
{
    /** Takes a place for one request, to be sent at once; false when there is none, now or ever. */
    public function reserve(): bool;

    /** Whether it will have room for a request again. */
    public function isOpen(): bool;

    /**
     * Sends the request, in a place that was reserved, and waits for the head of the
     * response. The response's body is to be closed.
     *
     * @throws \StreamingDaemon\Unprocessed when it may be sent again (U8)
     * @throws BrokenException|\StreamingDaemon\Problem|\Amp\CancelledException
     */
    public function request(Request $request, Cancellation $cancellation): Response;

    public function close(): void;
}
