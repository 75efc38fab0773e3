<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** A violation of the protocol that ends the whole connection (RFC 9113, section 5.4.1). */
final class ProtocolError extends \RuntimeException
{
    public function __construct(public readonly ErrorCode $error, string $message)
    {
        parent::__construct($message);
    }
}
