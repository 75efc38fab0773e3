<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** One frame as it arrived (RFC 9113, section 4.1). */
final class Frame
{
    public function __construct(
        /** Null for a type that means nothing here, and is to be ignored. */
        public readonly ?FrameType $type,
        public readonly int $flags,
        /** The stream that it belongs to; 0 for the connection. */
        public readonly int $stream,
        public readonly string $payload,
    ) {
    }

    public function has(int $flag): bool
    {
        return ($this->flags & $flag) !== 0;
    }

    /**
     * The payload without its padding, if it has any.
     *
     * @throws ProtocolError
     */
    public function unpadded(): string
    {
        if (!$this->has(FrameType::PADDED)) {
            return $this->payload;
        }
        $padding = ord($this->payload[0] ?? "\xff");
        if ($padding >= strlen($this->payload)) {
            throw new ProtocolError(ErrorCode::ProtocolError, 'a frame of nothing but padding');
        }
        return substr($this->payload, 1, $padding === 0 ? null : -$padding);
    }

    /**
     * The payload of a frame that is one number of 32 bits.
     *
     * @throws ProtocolError
     */
    public function number(): int
    {
        if (strlen($this->payload) !== 4) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'a frame of the wrong size');
        }
        return unpack('N', $this->payload)[1];
    }
}
