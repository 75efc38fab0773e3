<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** What the API allows on a connection (RFC 9113, section 6.5), and what it is told. */
final class Settings
{
    /** What the API may send of a stream before some of it has been taken, in bytes. */
    public const STREAM_WINDOW = 65536;

    public const LARGEST_WINDOW = 0x7fffffff;

    /** Streams at a time, if the API admits more: a broken connection costs no more answers. */
    private const MAX_STREAMS = 100;

    private const ENABLE_PUSH = 0x2;
    private const MAX_CONCURRENT_STREAMS = 0x3;
    private const INITIAL_WINDOW_SIZE = 0x4;
    private const MAX_FRAME_SIZE = 0x5;

    private int $maxStreams = self::MAX_STREAMS;
    private int $initialWindow = 65535;

    /** The payload of the frame that tells the API. */
    public static function own(): string
    {
        return pack('nNnN', self::ENABLE_PUSH, 0, self::INITIAL_WINDOW_SIZE, self::STREAM_WINDOW);
    }

    public function maxStreams(): int
    {
        return $this->maxStreams;
    }

    /** What may be sent on a new stream, in bytes. */
    public function initialWindow(): int
    {
        return $this->initialWindow;
    }

    /**
     * Takes a frame of the API's settings.
     *
     * @throws ProtocolError
     */
    public function take(Frame $frame): void
    {
        if (strlen($frame->payload) % 6 !== 0) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'settings of the wrong size');
        }
        for ($at = 0; $at < strlen($frame->payload); $at += 6) {
            ['name' => $name, 'value' => $value] = unpack('nname/Nvalue', $frame->payload, $at);
            $this->set($name, $value);
        }
    }

    private function set(int $name, int $value): void
    {
        switch ($name) {
            case self::MAX_CONCURRENT_STREAMS:
                $this->maxStreams = min($value, self::MAX_STREAMS);
                break;
            case self::INITIAL_WINDOW_SIZE:
                if ($value > self::LARGEST_WINDOW) {
                    throw new ProtocolError(ErrorCode::FlowControlError, 'a window that is too large');
                }
                $this->initialWindow = $value;
                break;
            case self::MAX_FRAME_SIZE: // of which the least is enough here
                if ($value < FrameReader::MAX_PAYLOAD || $value > 0xffffff) {
                    throw new ProtocolError(ErrorCode::ProtocolError, 'a frame size that is not allowed');
                }
        }
    }
}
