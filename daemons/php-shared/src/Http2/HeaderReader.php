<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** Puts headers together that came in several frames, which nothing may interrupt. */
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

    /** Whether headers have begun and not ended: then the rest of them must come next. */
    public function isWaiting(): bool
    {
        return $this->first !== null;
    }

    /**
     * Takes a frame of headers or their continuation.
     *
     * @return array{Frame, list<array{string, string}>}|null the frame they began with, and all of them;
     *     null while there are more to come
     * @throws ProtocolError
     */
    public function take(Frame $frame): ?array
    {
        if ($frame->type === FrameType::Headers) {
            $this->first = $frame;
            $this->block = self::withoutPriority($frame);
        } elseif ($this->first?->stream !== $frame->stream) {
            throw self::error('a continuation of nothing');
        } else {
            $this->block .= $frame->payload;
        }
        if (strlen($this->block) > self::MAX_BLOCK) {
            throw self::error('headers without end');
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
        return strlen($block) >= 5 ? substr($block, 5) : throw self::error('headers cut short');
    }

    private static function error(string $message): ProtocolError
    {
        return new ProtocolError(ErrorCode::ProtocolError, $message);
    }
}
