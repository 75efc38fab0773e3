<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** The parser that splits the bytes of a connection into frames. The bytes may be cut anywhere. */
final class FrameReader
{
    /** The largest payload of a frame, which is the protocol's default. */
    public const MAX_PAYLOAD = 16384;
    private const HEADER = 9;

    private string $bytes = '';
    private int $at = 0;

    public function feed(string $bytes): void
    {
        $this->bytes = substr($this->bytes, $this->at) . $bytes;
        $this->at = 0;
    }

    /**
     * Returns the next frame, or null before it is complete.
     *
     * @throws ProtocolError
     */
    public function next(): ?Frame
    {
        $available = strlen($this->bytes) - $this->at - self::HEADER;
        if ($available < 0) {
            return null;
        }
        ['head' => $head, 'flags' => $flags, 'stream' => $stream] =
            unpack('Nhead/Cflags/Nstream', $this->bytes, $this->at);
        $length = $head >> 8;
        if ($length > self::MAX_PAYLOAD) {
            $message = "expected at most 16 KiB in a frame, found $length bytes";
            throw new ProtocolError(ErrorCode::FrameSizeError, $message);
        }
        if ($available < $length) {
            return null;
        }
        $payload = substr($this->bytes, $this->at + self::HEADER, $length);
        $this->at += self::HEADER + $length;
        return new Frame(FrameType::tryFrom($head & 0xff), $flags, $stream & 0x7fffffff, $payload);
    }
}
