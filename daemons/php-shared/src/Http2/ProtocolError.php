<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** The API broke the protocol in a way that costs the whole connection (RFC 9113, section 5.4.1). */
final class ProtocolError extends \RuntimeException
{
    public function __construct(public readonly ErrorCode $error, string $message)
    {
        parent::__construct($message);
    }
}
