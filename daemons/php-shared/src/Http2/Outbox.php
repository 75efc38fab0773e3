<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/** The output buffer of a connection: frames, and requests' bodies as far as the API's windows allow. */
final class Outbox
{
    private string $bytes = '';

    /** The API's window for the whole connection, in bytes. */
    private int $window = 65535;

    public function take(): string
    {
        [$bytes, $this->bytes] = [$this->bytes, ''];
        return $bytes;
    }

    public function raw(string $bytes): void
    {
        $this->bytes .= $bytes;
    }

    public function frame(FrameType $type, string $payload, int $stream = 0, int $flags = 0): void
    {
        $this->bytes .= $type->frame($payload, $stream, $flags);
    }

    /** @param array<string, string> $headers pseudo-headers first */
    public function headers(Stream $stream, array $headers): void
    {
        $type = FrameType::Headers;
        for ($block = Hpack::encode($headers); strlen($block) > FrameReader::MAX_PAYLOAD;) {
            $this->frame($type, substr($block, 0, FrameReader::MAX_PAYLOAD), $stream->id);
            $block = substr($block, FrameReader::MAX_PAYLOAD);
            $type = FrameType::Continuation;
        }
        $this->frame($type, $block, $stream->id, FrameType::END_HEADERS);
    }

    /** Adds as much of a request's body as the windows allow. */
    public function body(Stream $stream): void
    {
        while ($stream->unsent !== '') {
            $size = min($this->window, $stream->window, FrameReader::MAX_PAYLOAD, strlen($stream->unsent));
            if ($size <= 0) {
                return;
            }
            $piece = substr($stream->unsent, 0, $size);
            $stream->unsent = substr($stream->unsent, $size);
            $stream->window -= $size;
            $this->window -= $size;
            $this->frame(FrameType::Data, $piece, $stream->id, $stream->unsent === '' ? FrameType::END_STREAM : 0);
        }
    }

    /**
     * Widens the connection's window, or a stream's.
     *
     * @throws ProtocolError when the window becomes too large
     */
    public function open(?Stream $stream, int $bytes): void
    {
        $window = ($stream === null ? $this->window : $stream->window) + $bytes;
        if ($window > Settings::LARGEST_WINDOW) {
            throw new ProtocolError(ErrorCode::FlowControlError, 'expected a window of at most 2147483647');
        }
        if ($stream === null) {
            $this->window = $window;
        } else {
            $stream->window = $window;
        }
    }
}
