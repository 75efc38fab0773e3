<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** The API's settings of a connection, and the daemon's own (RFC 9113, section 6.5). */
final class Settings
{
    /** How many bytes the API may send ahead on a stream. */
    public const STREAM_WINDOW = 65536;

    public const LARGEST_WINDOW = 0x7fffffff;

    /** The most streams on a connection. A broken connection fails at most this many answers. */
    private const MAX_STREAMS = 100;

    private const ENABLE_PUSH = 0x2;
    private const MAX_CONCURRENT_STREAMS = 0x3;
    private const INITIAL_WINDOW_SIZE = 0x4;
    private const MAX_FRAME_SIZE = 0x5;

    private int $maxStreams = self::MAX_STREAMS;
    private int $initialWindow = 65535;

    /** Returns the payload of the daemon's own SETTINGS. */
    public static function own(): string
    {
        return pack('nNnN', self::ENABLE_PUSH, 0, self::INITIAL_WINDOW_SIZE, self::STREAM_WINDOW);
    }

    public function maxStreams(): int
    {
        return $this->maxStreams;
    }

    /** Returns the API's window for a new stream, in bytes. */
    public function initialWindow(): int
    {
        return $this->initialWindow;
    }

    /**
     * Reads a SETTINGS frame of the API.
     *
     * @throws ProtocolError
     */
    public function take(Frame $frame): void
    {
        if (strlen($frame->payload) % 6 !== 0) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'expected SETTINGS of 6 bytes each');
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
                    throw new ProtocolError(ErrorCode::FlowControlError, 'expected a window of at most 2147483647');
                }
                $this->initialWindow = $value;
                break;
            case self::MAX_FRAME_SIZE: // the daemon sends frames of the smallest maximum
                if ($value < FrameReader::MAX_PAYLOAD || $value > 0xffffff) {
                    throw new ProtocolError(ErrorCode::ProtocolError, 'expected a frame size of 16384 to 16777215');
                }
        }
    }
}
