<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

/** A frame of HTTP/2 (RFC 9113, section 4 and 6), and how frames are cut out of bytes. */
final class Http2Frame
{
    public const DATA = 0;
    public const HEADERS = 1;
    public const RST_STREAM = 3;
    public const SETTINGS = 4;
    public const PUSH_PROMISE = 5;
    public const PING = 6;
    public const GOAWAY = 7;
    public const WINDOW_UPDATE = 8;
    public const CONTINUATION = 9;

    public const ACK = 0x1;
    public const END_STREAM = 0x1;
    public const END_HEADERS = 0x4;
    public const PADDED = 0x8;
    public const PRIORITY = 0x20;

    /** What we let the API send: the least that the RFC allows. */
    public const MAX_SIZE = 1 << 14;

    private function __construct(
        public readonly int $type,
        public readonly int $flags,
        public readonly int $stream,
        public readonly string $payload,
    ) {
    }

    public static function encode(int $type, int $flags, int $stream, string $payload): string
    {
        return pack('NCN', strlen($payload) << 8 | $type, $flags, $stream) . $payload;
    }

    /**
     * Takes the whole frames out of what has come.
     *
     * @param string $bytes is left with what is no whole frame yet
     * @return list<self>
     * @throws Http2Exception
     */
    public static function takeAll(string &$bytes): array
    {
        $frames = [];
        for ($at = 0; strlen($bytes) - $at >= 9; $at += 9 + $size) {
            ['head' => $head, 'flags' => $flags, 'stream' => $stream] = unpack('Nhead/Cflags/Nstream', $bytes, $at);
            $size = $head >> 8;
            if ($size > self::MAX_SIZE) {
                throw new Http2Exception('a frame is too large', Http2Exception::FRAME_SIZE_ERROR);
            }
            if (strlen($bytes) - $at - 9 < $size) {
                break;
            }
            $frames[] = new self($head & 0xff, $flags, $stream & 0x7fffffff, substr($bytes, $at + 9, $size));
        }
        $bytes = $at === 0 ? $bytes : substr($bytes, $at);
        return $frames;
    }

    public function has(int $flag): bool
    {
        return ($this->flags & $flag) !== 0;
    }

    /**
     * The payload without padding and priority.
     *
     * @throws Http2Exception
     */
    public function content(): string
    {
        $padding = $this->has(self::PADDED) ? ord($this->payload[0] ?? "\xff") : 0;
        $front = ($this->has(self::PADDED) ? 1 : 0)
            + ($this->type === self::HEADERS && $this->has(self::PRIORITY) ? 5 : 0);
        $size = strlen($this->payload) - $front - $padding;
        if ($size < 0) {
            throw new Http2Exception('a frame holds nothing but more padding than it has');
        }
        return $front + $padding === 0 ? $this->payload : substr($this->payload, $front, $size);
    }

    /** The number at a place of the payload. */
    public function number(int $at = 0): int
    {
        if (strlen($this->payload) < $at + 4) {
            throw new Http2Exception('a frame is too short', Http2Exception::FRAME_SIZE_ERROR);
        }
        return unpack('N', $this->payload, $at)[1];
    }
}
