<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\Http\Client\Request;
use Amp\Http\Client\Response;

/** A connection to the API. HTTP/1.1 carries requests one by one, HTTP/2 several at the same time. */
interface Connection
{
    /** Reserves the connection, or a stream, for one request. False if there is no room. */
    public function reserve(): bool;

    /** Reports whether the connection can carry another request, now or later. */
    public function isOpen(): bool;

    /**
     * Sends the request after reserve(), and waits for the head of the response. Close the
     * response's body at the end.
     *
     * @throws \StreamingDaemon\Unprocessed when a retry is safe (U8)
     * @throws BrokenException|\StreamingDaemon\Problem|\Amp\CancelledException
     */
    public function request(Request $request, Cancellation $cancellation): Response;

    public function close(): void;
}
