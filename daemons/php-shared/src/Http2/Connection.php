<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

use StreamingDaemon\Problem;
use StreamingDaemon\Unprocessed;

/**
 * An HTTP/2 connection to the API (RFC 9113), without I/O: bytes in, bytes out.
 *
 * Two windows limit what the API may send. A stream's window is small and widens only as its client
 * takes the data, so a stalled client stops the API (U6). The connection's window widens at once, so
 * stalled clients do not block the others (L4).
 *
 * An error in one response resets its stream. An error of the connection ends all its streams, after
 * the frames that arrived before the error.
 */
final class Connection
{
    private const CONNECTION_WINDOW = 1 << 20;
    private const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /** The stream id after which the connection opens no new streams, before the ids run out. */
    private const LAST_STREAM = 1 << 30;

    /** The API's settings, with its limits, have arrived. */
    private bool $ready = false;
    private bool $draining = false;
    private bool $closed = false;
    private int $owed = 0;
    private int $nextStream = 1;
    private readonly Outbox $out;
    private readonly Settings $settings;
    private readonly FrameReader $frames;
    private readonly HeaderReader $headers;

    /** @var array<int, Stream> the open streams */
    private array $streams = [];

    /** @var array<int, Stream> the streams with new events, to notify */
    private array $touched = [];

    /** The number of bytes that the API has sent. */
    private int $received = 0;
    private bool $receiving = false;

    /** @param \Closure(): void $onOutput called when there is output outside of receive() and request() */
    public function __construct(private readonly \Closure $onOutput)
    {
        $this->out = new Outbox();
        $this->settings = new Settings();
        $this->frames = new FrameReader();
        $this->headers = new HeaderReader();
        $this->out->raw(self::PREFACE);
        $this->out->frame(FrameType::Settings, Settings::own());
        $this->out->frame(FrameType::WindowUpdate, pack('N', self::CONNECTION_WINDOW - 65535));
    }

    /** Reports whether the API's settings, with its limits, have arrived. */
    public function isReady(): bool
    {
        return $this->ready;
    }

    /** Reports whether the connection has ended, and with it all its streams. */
    public function isClosed(): bool
    {
        return $this->closed;
    }

    /** Returns how many streams the connection may have at the same time. */
    public function capacity(): int
    {
        return $this->settings->maxStreams();
    }

    /** Returns how many streams the connection can open now. */
    public function room(): int
    {
        $usable = $this->ready && !$this->draining && !$this->closed;
        return $usable ? max(0, $this->settings->maxStreams() - count($this->streams)) : 0;
    }

    public function isIdle(): bool
    {
        return $this->streams === [];
    }

    /** Reports whether the connection has no streams and opens no new ones. */
    public function isSpent(): bool
    {
        return $this->draining && $this->streams === [];
    }

    /** Returns the bytes to send to the API. */
    public function output(): string
    {
        return $this->out->take();
    }

    /**
     * Opens a stream for a request. Call it only if room() is not 0.
     *
     * @param array<string, string> $headers pseudo-headers first
     */
    public function request(array $headers, string $body): Stream
    {
        $stream = new Stream($this, $this->nextStream, $body, $this->settings->initialWindow(), $this->received);
        $this->nextStream += 2;
        $this->draining = $this->draining || $this->nextStream >= self::LAST_STREAM;
        $this->streams[$stream->id] = $stream;
        $this->out->headers($stream, $headers);
        $this->out->body($stream);
        return $stream;
    }

    /** Parses bytes of the API. */
    public function receive(string $bytes): void
    {
        $this->frames->feed($bytes);
        $this->received += strlen($bytes);
        $this->receiving = true;
        try {
            while (!$this->closed && ($frame = $this->frames->next()) !== null) {
                $this->take($frame);
            }
        } catch (ProtocolError $error) {
            $this->out->frame(FrameType::GoAway, pack('NN', 0, $error->error->value));
            $this->end(Problem::broken("the API broke the HTTP/2 protocol: {$error->getMessage()}"));
        }
        $this->receiving = false;
        $this->notifyStreams();
    }

    /**
     * Handles the loss of the connection. On a connection that has served a request, a stream without
     * a byte since its start is unprocessed: the API closed before it received the stream (U8).
     */
    public function lost(): void
    {
        foreach ($this->streams as $stream) {
            if ($stream->id > 1 && $stream->receivedBefore === $this->received) {
                $stream->fail(new Unprocessed('the API closed a reused connection before it answered'));
            }
        }
        $this->end(Problem::brokenOff());
    }

    /** Ends the connection, and fails all its streams. */
    public function end(\Throwable $why): void
    {
        $this->closed = true;
        foreach ($this->streams as $stream) {
            $stream->fail($why);
            $this->touched[$stream->id] = $stream;
        }
        $this->streams = [];
        if (!$this->receiving) {
            $this->notifyStreams();
        }
    }

    /** Notifies the touched streams, after all frames: a notified exchange may call this object at once. */
    private function notifyStreams(): void
    {
        [$touched, $this->touched] = [$this->touched, []];
        foreach ($touched as $stream) {
            $stream->changed();
        }
    }

    /** Widens a stream's window by the number of bytes that the exchange has taken. */
    public function giveBack(Stream $stream, int $bytes): void
    {
        $stream->owed += $bytes;
        // Send one WINDOW_UPDATE for half a window, not one for each event.
        if ($stream->owed >= Settings::STREAM_WINDOW / 2 && isset($this->streams[$stream->id])) {
            $this->out->frame(FrameType::WindowUpdate, pack('N', $stream->owed), $stream->id);
            $stream->owed = 0;
            $this->notifyOutput();
        }
    }

    /**
     * Resets a stream that the API has not ended.
     *
     * @param bool $suspect the API was silent for too long; if the whole connection was silent, it
     *     opens no new streams
     */
    public function reset(Stream $stream, ErrorCode $why, bool $suspect = false): void
    {
        if (isset($this->streams[$stream->id])) {
            unset($this->streams[$stream->id]);
            $this->draining = $this->draining || ($suspect && $stream->receivedBefore === $this->received);
            $this->out->frame(FrameType::RstStream, pack('N', $why->value), $stream->id);
            $this->notifyOutput();
        }
    }

    private function notifyOutput(): void
    {
        if (!$this->receiving) {
            ($this->onOutput)();
        }
    }

    private function take(Frame $frame): void
    {
        $type = $frame->type;
        if (!$this->ready && ($type !== FrameType::Settings || $frame->has(FrameType::ACK))) {
            throw self::error('expected SETTINGS as the first frame');
        }
        if ($this->headers->isWaiting() && $type !== FrameType::Continuation) {
            throw self::error('expected CONTINUATION after incomplete headers');
        }
        $ofConnection = [FrameType::Settings, FrameType::Ping, FrameType::GoAway];
        if ($frame->stream !== 0 && in_array($type, $ofConnection, true)) {
            throw self::error('expected a frame of the connection on stream 0');
        }
        match ($type) {
            FrameType::Data => $this->onData($this->stream($frame->stream), $frame),
            FrameType::Headers, FrameType::Continuation => $this->onHeaders($frame),
            FrameType::RstStream => $this->onReset($this->stream($frame->stream), $frame->number()),
            FrameType::Settings => $this->onSettings($frame),
            FrameType::Ping => $this->onPing($frame),
            FrameType::GoAway => $this->onGoAway($frame),
            FrameType::WindowUpdate => $this->onWindowUpdate($frame),
            FrameType::PushPromise => throw self::error('expected no PUSH_PROMISE'),
            default => null,
        };
    }

    /** Returns the stream of a frame, or null if that stream has ended. The client must have opened it. */
    private function stream(int $id): ?Stream
    {
        if ($id % 2 === 0 || $id >= $this->nextStream) {
            throw self::error("expected frames on opened streams, found one on stream $id");
        }
        return $this->streams[$id] ?? null;
    }

    private function onData(?Stream $stream, Frame $frame): void
    {
        $this->owed += strlen($frame->payload);
        if ($this->owed >= self::CONNECTION_WINDOW / 4) {
            $this->out->frame(FrameType::WindowUpdate, pack('N', $this->owed));
            $this->owed = 0;
        }
        $data = $frame->unpadded();
        if ($stream === null) {
            return;
        }
        $this->giveBack($stream, strlen($frame->payload) - strlen($data)); // the padding
        $last = $frame->has(FrameType::END_STREAM);
        $this->deliver($stream, $last, static fn () => $stream->receiveData($data));
    }

    private function onHeaders(Frame $frame): void
    {
        $this->stream($frame->stream); // checks that the client has opened it
        [$first, $fields] = $this->headers->take($frame) ?? [null, []];
        $stream = $first === null ? null : $this->stream($first->stream);
        if ($stream !== null) {
            $last = $first->has(FrameType::END_STREAM);
            $this->deliver($stream, $last, static fn () => $stream->receiveHeaders($fields, $last));
        }
    }

    /** Delivers a frame to its stream. Resets the stream if the response is malformed. */
    private function deliver(Stream $stream, bool $last, \Closure $receive): void
    {
        $this->touched[$stream->id] = $stream;
        try {
            $receive();
            if ($last) {
                $stream->receiveEnd();
            }
        } catch (\UnexpectedValueException $error) {
            $stream->fail(Problem::broken("the API's answer is malformed: {$error->getMessage()}"));
            $this->reset($stream, ErrorCode::ProtocolError);
            return;
        }
        if ($last && $stream->unsent !== '') {
            $this->reset($stream, ErrorCode::NoError); // an early response: the API does not read the rest
        } elseif ($last) {
            unset($this->streams[$stream->id]);
        }
    }

    private function onReset(?Stream $stream, int $code): void
    {
        if ($stream === null) {
            return;
        }
        unset($this->streams[$stream->id]);
        $this->touched[$stream->id] = $stream;
        $refused = $code === ErrorCode::RefusedStream->value && $stream->head() === null;
        $stream->fail($refused ? new Unprocessed('the API refused the stream') : Problem::brokenOff());
    }

    private function onSettings(Frame $frame): void
    {
        if ($frame->has(FrameType::ACK)) {
            return;
        }
        $before = $this->settings->initialWindow();
        $this->settings->take($frame);
        $this->ready = true;
        $this->out->frame(FrameType::Settings, '', 0, FrameType::ACK);
        foreach ($this->streams as $stream) {
            $stream->window += $this->settings->initialWindow() - $before;
            $this->out->body($stream);
        }
    }

    private function onPing(Frame $frame): void
    {
        if (strlen($frame->payload) !== 8) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'expected 8 bytes in PING');
        }
        if (!$frame->has(FrameType::ACK)) {
            $this->out->frame(FrameType::Ping, $frame->payload, 0, FrameType::ACK);
        }
    }

    private function onGoAway(Frame $frame): void
    {
        if (strlen($frame->payload) < 8) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'expected at least 8 bytes in GOAWAY');
        }
        $this->draining = true;
        $last = unpack('N', $frame->payload)[1] & Settings::LARGEST_WINDOW;
        foreach ($this->streams as $id => $stream) {
            if ($id > $last) {
                unset($this->streams[$id]);
                $this->touched[$id] = $stream;
                $stream->fail(new Unprocessed('the API sent GOAWAY before it processed the stream'));
            }
        }
    }

    private function onWindowUpdate(Frame $frame): void
    {
        $bytes = $frame->number() & Settings::LARGEST_WINDOW;
        if ($bytes === 0) {
            throw self::error('expected a WINDOW_UPDATE of at least 1');
        }
        if ($frame->stream === 0) {
            $this->out->open(null, $bytes);
            array_map($this->out->body(...), $this->streams);
        } elseif (($stream = $this->stream($frame->stream)) !== null) {
            $this->out->open($stream, $bytes);
            $this->out->body($stream);
        }
    }

    private static function error(string $message): ProtocolError
    {
        return new ProtocolError(ErrorCode::ProtocolError, $message);
    }
}
