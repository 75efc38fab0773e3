<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** The reader that joins headers from several frames. No other frame may come between them. */
final class HeaderReader
{
    private const MAX_BLOCK = 65536;

    private readonly Hpack $hpack;
    private ?Frame $first = null;
    private string $block = '';

    public function __construct()
    {
        $this->hpack = new Hpack();
    }

    /** Reports whether headers are incomplete. The rest of them must come next. */
    public function isWaiting(): bool
    {
        return $this->first !== null;
    }

    /**
     * Reads a HEADERS or CONTINUATION frame.
     *
     * @return array{Frame, list<array{string, string}>}|null the first frame and all headers; null
     *     before the headers are complete
     * @throws ProtocolError
     */
    public function take(Frame $frame): ?array
    {
        if ($frame->type === FrameType::Headers) {
            $this->first = $frame;
            $this->block = self::withoutPriority($frame);
        } elseif ($this->first?->stream !== $frame->stream) {
            throw self::error('expected HEADERS before CONTINUATION');
        } else {
            $this->block .= $frame->payload;
        }
        if (strlen($this->block) > self::MAX_BLOCK) {
            throw self::error('expected headers of at most 64 KiB');
        }
        if (!$frame->has(FrameType::END_HEADERS)) {
            return null;
        }
        [$first, $this->first] = [$this->first, null];
        return [$first, $this->hpack->decode($this->block)];
    }

    private static function withoutPriority(Frame $frame): string
    {
        $block = $frame->unpadded();
        if (!$frame->has(FrameType::PRIORITY)) {
            return $block;
        }
        return strlen($block) >= 5 ? substr($block, 5) : throw self::error('expected a priority in HEADERS');
    }

    private static function error(string $message): ProtocolError
    {
        return new ProtocolError(ErrorCode::ProtocolError, $message);
    }
}
