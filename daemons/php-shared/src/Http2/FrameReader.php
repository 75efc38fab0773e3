<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** Cuts the bytes of a connection into frames, however they were cut on the way. */
final class FrameReader
{
    /** What an API may put into a frame, as long as it is not told that it may do more. */
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
     * The next frame; null while it is not all there.
     *
     * @throws ProtocolError
     */
    public function next(): ?Frame
    {
        $there = strlen($this->bytes) - $this->at - self::HEADER;
        if ($there < 0) {
            return null;
        }
        ['head' => $head, 'flags' => $flags, 'stream' => $stream] =
            unpack('Nhead/Cflags/Nstream', $this->bytes, $this->at);
        $length = $head >> 8;
        if ($length > self::MAX_PAYLOAD) {
            throw new ProtocolError(ErrorCode::FrameSizeError, "a frame of $length bytes");
        }
        if ($there < $length) {
            return null;
        }
        $payload = substr($this->bytes, $this->at + self::HEADER, $length);
        $this->at += self::HEADER + $length;
        return new Frame(FrameType::tryFrom($head & 0xff), $flags, $stream & 0x7fffffff, $payload);
    }
}
