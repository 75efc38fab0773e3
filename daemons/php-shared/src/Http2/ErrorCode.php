<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** The reason for the end of a stream or a connection (RFC 9113, section 7). */
enum ErrorCode: int
{
    case NoError = 0x0;
    case ProtocolError = 0x1;
    case FlowControlError = 0x3;
    case FrameSizeError = 0x6;
    case RefusedStream = 0x7;
    case Cancel = 0x8;
    case CompressionError = 0x9;
}
