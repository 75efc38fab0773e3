<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

use StreamingDaemon\Problem;
use StreamingDaemon\Unprocessed;

/**
 * One HTTP/2 connection to the API (RFC 9113), without I/O: bytes in, bytes out.
 *
 * Two windows bound what the API may send. A stream's is small and opens again only
 * as its client takes the data, so that a client that stalls stops the API (U6). The
 * connection's is given back at once, so that stalled clients starve nobody (L4).
 *
 * What is wrong with one response resets its stream. What is wrong with the
 * connection ends it, and every stream with it, but not before the frames in front
 * of the mistake have been taken.
 */
final class Connection
{
    private const CONNECTION_WINDOW = 1 << 20;
    private const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /** Where a connection is given up rather than run out of stream ids. */
    private const LAST_STREAM = 1 << 30;

    /** The API's settings have arrived: before, its limits are unknown. */
    private bool $ready = false;
    private bool $draining = false;
    private bool $closed = false;
    private int $owed = 0;
    private int $nextStream = 1;
    private readonly Outbox $out;
    private readonly Settings $settings;
    private readonly FrameReader $frames;
    private readonly HeaderReader $headers;

    /** @var array<int, Stream> those that are neither ended nor given up */
    private array $streams = [];

    /** @var array<int, Stream> those that something happened to */
    private array $touched = [];

    /** Bytes that the API sent so far. */
    private int $received = 0;
    private bool $receiving = false;

    /** @param \Closure(): void $onOutput called when there is output that receive() or request() did not cause */
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

    /** Whether the API's settings have arrived: before, its limits are unknown. */
    public function isReady(): bool
    {
        return $this->ready;
    }

    /** Whether it is over; its streams have been told. */
    public function isClosed(): bool
    {
        return $this->closed;
    }

    /** How many streams it can take at a time. */
    public function capacity(): int
    {
        return $this->settings->maxStreams();
    }

    /** How many streams it can take now. */
    public function room(): int
    {
        $usable = $this->ready && !$this->draining && !$this->closed;
        return $usable ? max(0, $this->settings->maxStreams() - count($this->streams)) : 0;
    }

    public function isIdle(): bool
    {
        return $this->streams === [];
    }

    /** Whether nothing is left to do on it, now and later. */
    public function isSpent(): bool
    {
        return $this->draining && $this->streams === [];
    }

    /** What is to be sent to the API by now. */
    public function output(): string
    {
        return $this->out->take();
    }

    /**
     * Opens a stream for a request. There must be room.
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

    /** Takes what the API sent. */
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
        $this->tellStreams();
    }

    /**
     * The connection is lost. Where it served a request before, and not a byte came since
     * a stream was opened, the API closed it before it saw the stream (U8).
     */
    public function lost(): void
    {
        foreach ($this->streams as $stream) {
            if ($stream->id > 1 && $stream->receivedBefore === $this->received) {
                $stream->fail(new Unprocessed('the API closed a connection that was in use'));
            }
        }
        $this->end(Problem::brokenOff());
    }

    /** The connection is over: every stream that is left fails. */
    public function end(\Throwable $why): void
    {
        $this->closed = true;
        foreach ($this->streams as $stream) {
            $stream->fail($why);
            $this->touched[$stream->id] = $stream;
        }
        $this->streams = [];
        if (!$this->receiving) {
            $this->tellStreams();
        }
    }

    /** Only when all is taken: whoever is told may come back at once. */
    private function tellStreams(): void
    {
        [$touched, $this->touched] = [$this->touched, []];
        foreach ($touched as $stream) {
            $stream->changed();
        }
    }

    /** The exchange took so many bytes of a stream's data: as many more may come. */
    public function giveBack(Stream $stream, int $bytes): void
    {
        $stream->owed += $bytes;
        // One WINDOW_UPDATE for half a window, not one for every event.
        if ($stream->owed >= Settings::STREAM_WINDOW / 2 && isset($this->streams[$stream->id])) {
            $this->out->frame(FrameType::WindowUpdate, pack('N', $stream->owed), $stream->id);
            $stream->owed = 0;
            $this->tellOutput();
        }
    }

    /**
     * Ends a stream before the API has.
     *
     * @param bool $suspect the API was silent for too long; if it was so on the whole connection, that is given up
     */
    public function reset(Stream $stream, ErrorCode $why, bool $suspect = false): void
    {
        if (isset($this->streams[$stream->id])) {
            unset($this->streams[$stream->id]);
            $this->draining = $this->draining || ($suspect && $stream->receivedBefore === $this->received);
            $this->out->frame(FrameType::RstStream, pack('N', $why->value), $stream->id);
            $this->tellOutput();
        }
    }

    private function tellOutput(): void
    {
        if (!$this->receiving) {
            ($this->onOutput)();
        }
    }

    private function take(Frame $frame): void
    {
        $type = $frame->type;
        if (!$this->ready && ($type !== FrameType::Settings || $frame->has(FrameType::ACK))) {
            throw self::error('it begins without settings');
        }
        if ($this->headers->isWaiting() && $type !== FrameType::Continuation) {
            throw self::error('headers are interrupted');
        }
        $ofConnection = [FrameType::Settings, FrameType::Ping, FrameType::GoAway];
        if ($frame->stream !== 0 && in_array($type, $ofConnection, true)) {
            throw self::error('a frame of the connection on a stream');
        }
        match ($type) {
            FrameType::Data => $this->onData($this->stream($frame->stream), $frame),
            FrameType::Headers, FrameType::Continuation => $this->onHeaders($frame),
            FrameType::RstStream => $this->onReset($this->stream($frame->stream), $frame->number()),
            FrameType::Settings => $this->onSettings($frame),
            FrameType::Ping => $this->onPing($frame),
            FrameType::GoAway => $this->onGoAway($frame),
            FrameType::WindowUpdate => $this->onWindowUpdate($frame),
            FrameType::PushPromise => throw self::error('a push that was not allowed'),
            default => null,
        };
    }

    /** The stream of a frame that must have one; null where it has ended or was given up. */
    private function stream(int $id): ?Stream
    {
        if ($id % 2 === 0 || $id >= $this->nextStream) {
            throw self::error("a frame on stream $id, which nobody opened");
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
        $this->giveBack($stream, strlen($frame->payload) - strlen($data)); // padding is nobody's
        $last = $frame->has(FrameType::END_STREAM);
        $this->judged($stream, $last, static fn () => $stream->receiveData($data));
    }

    private function onHeaders(Frame $frame): void
    {
        $this->stream($frame->stream); // which must be one, or have been
        [$first, $fields] = $this->headers->take($frame) ?? [null, []];
        $stream = $first === null ? null : $this->stream($first->stream);
        if ($stream !== null) {
            $last = $first->has(FrameType::END_STREAM);
            $this->judged($stream, $last, static fn () => $stream->receiveHeaders($fields, $last));
        }
    }

    /** Lets a stream take a frame; resets it if the frame makes its response a malformed one. */
    private function judged(Stream $stream, bool $last, \Closure $receive): void
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
            $this->reset($stream, ErrorCode::NoError); // it was answered before the request was read
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
            throw new ProtocolError(ErrorCode::FrameSizeError, 'a ping of the wrong size');
        }
        if (!$frame->has(FrameType::ACK)) {
            $this->out->frame(FrameType::Ping, $frame->payload, 0, FrameType::ACK);
        }
    }

    private function onGoAway(Frame $frame): void
    {
        if (strlen($frame->payload) < 8) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'a goodbye of the wrong size');
        }
        $this->draining = true;
        $last = unpack('N', $frame->payload)[1] & Settings::LARGEST_WINDOW;
        foreach ($this->streams as $id => $stream) {
            if ($id > $last) {
                unset($this->streams[$id]);
                $this->touched[$id] = $stream;
                $stream->fail(new Unprocessed('the API takes no more requests on this connection'));
            }
        }
    }

    private function onWindowUpdate(Frame $frame): void
    {
        $bytes = $frame->number() & Settings::LARGEST_WINDOW;
        if ($bytes === 0) {
            throw self::error('a window that opens by nothing');
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
