<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

/** The API broke the rules of HTTP/2; the code is that of GOAWAY or RST_STREAM (RFC 9113, section 7). */
final class Http2Exception extends BrokenException
{
    public const NO_ERROR = 0;
    public const PROTOCOL_ERROR = 1;
    public const FLOW_CONTROL_ERROR = 3;
    public const FRAME_SIZE_ERROR = 6;
    public const REFUSED_STREAM = 7;
    public const CANCEL = 8;
    public const COMPRESSION_ERROR = 9;

    public function __construct(string $message, int $code = self::PROTOCOL_ERROR)
    {
        parent::__construct($message, $code);
    }
}
