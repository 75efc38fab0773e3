<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** One received frame (RFC 9113, section 4.1). */
final class Frame
{
    public function __construct(
        /** Null for an unknown type, which the connection ignores. */
        public readonly ?FrameType $type,
        public readonly int $flags,
        /** The stream's id; 0 for the connection. */
        public readonly int $stream,
        public readonly string $payload,
    ) {
    }

    public function has(int $flag): bool
    {
        return ($this->flags & $flag) !== 0;
    }

    /**
     * Returns the payload without its padding.
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
            throw new ProtocolError(ErrorCode::ProtocolError, 'expected padding shorter than the frame');
        }
        return substr($this->payload, 1, $padding === 0 ? null : -$padding);
    }

    /**
     * Returns a payload of 32 bits as a number.
     *
     * @throws ProtocolError
     */
    public function number(): int
    {
        if (strlen($this->payload) !== 4) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'expected 4 bytes in the frame');
        }
        return unpack('N', $this->payload)[1];
    }
}
