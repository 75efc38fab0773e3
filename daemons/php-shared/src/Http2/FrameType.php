<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** The known types of frames (RFC 9113, section 6). */
enum FrameType: int
{
    case Data = 0x0;
    case Headers = 0x1;
    case Priority = 0x2;
    case RstStream = 0x3;
    case Settings = 0x4;
    case PushPromise = 0x5;
    case Ping = 0x6;
    case GoAway = 0x7;
    case WindowUpdate = 0x8;
    case Continuation = 0x9;

    public const END_STREAM = 0x1;
    public const ACK = 0x1;
    public const END_HEADERS = 0x4;
    public const PADDED = 0x8;
    public const PRIORITY = 0x20;

    /** Returns the bytes of a frame. */
    public function frame(string $payload, int $stream = 0, int $flags = 0): string
    {
        return substr(pack('N', strlen($payload)), 1) . pack('CCN', $this->value, $flags, $stream) . $payload;
    }
}
