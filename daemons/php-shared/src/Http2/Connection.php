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
    private const STREAM_WINDOW = 65536;
    private const CONNECTION_WINDOW = 1 << 20;
    private const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    private const MAX_FRAME = 16384;
    private const MAX_HEADERS = 65536;
    private const LARGEST_WINDOW = 0x7fffffff;

    /** Streams at a time, if the API admits more: a broken connection costs no more answers. */
    private const MAX_STREAMS = 100;

    /** Settings (section 6.5.2). */
    private const ENABLE_PUSH = 0x2;
    private const MAX_CONCURRENT_STREAMS = 0x3;
    private const INITIAL_WINDOW_SIZE = 0x4;
    private const MAX_FRAME_SIZE = 0x5;

    /** Where a connection is given up rather than run out of stream ids. */
    private const LAST_STREAM = 1 << 30;

    /** The API's settings have arrived: before, its limits are unknown. */
    private bool $ready = false;
    private bool $draining = false;
    private bool $closed = false;
    private int $maxStreams = self::MAX_STREAMS;
    private int $maxFrame = self::MAX_FRAME;
    private int $initialWindow = 65535;
    private int $window = 65535;
    private int $owed = 0;
    private int $nextStream = 1;
    private string $in = '';
    private string $out;
    private readonly Hpack $hpack;

    /** @var array<int, Stream> those that are neither ended nor given up */
    private array $streams = [];

    /** @var array<int, Stream> those that something happened to */
    private array $touched = [];

    /** @var array{Stream|null, bool, string}|null the stream, whether it ends, and the block so far */
    private ?array $headers = null;

    /** Bytes that the API sent so far. */
    private int $received = 0;
    private bool $receiving = false;

    /** @param \Closure(): void $onOutput called when there is output that receive() or request() did not cause */
    public function __construct(private readonly \Closure $onOutput)
    {
        $this->hpack = new Hpack();
        $settings = pack('nNnN', self::ENABLE_PUSH, 0, self::INITIAL_WINDOW_SIZE, self::STREAM_WINDOW);
        $this->out = self::PREFACE
            . FrameType::Settings->frame($settings)
            . FrameType::WindowUpdate->frame(pack('N', self::CONNECTION_WINDOW - 65535));
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
        return $this->maxStreams;
    }

    /** How many streams it can take now. */
    public function room(): int
    {
        $usable = $this->ready && !$this->draining && !$this->closed;
        return $usable ? max(0, $this->maxStreams - count($this->streams)) : 0;
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
        [$out, $this->out] = [$this->out, ''];
        return $out;
    }

    /**
     * Opens a stream for a request. There must be room.
     *
     * @param array<string, string> $headers pseudo-headers first
     */
    public function request(array $headers, string $body): Stream
    {
        $stream = new Stream($this, $this->nextStream, $body, $this->initialWindow, $this->received);
        $this->nextStream += 2;
        $this->draining = $this->draining || $this->nextStream >= self::LAST_STREAM;
        $this->streams[$stream->id] = $stream;
        $block = str_split(Hpack::encode($headers), $this->maxFrame);
        $last = count($block) - 1;
        foreach ($block as $index => $part) {
            $type = $index === 0 ? FrameType::Headers : FrameType::Continuation;
            $this->out .= $type->frame($part, $stream->id, $index === $last ? FrameType::END_HEADERS : 0);
        }
        $this->send($stream);
        return $stream;
    }

    /** Takes what the API sent. */
    public function receive(string $bytes): void
    {
        $this->in .= $bytes;
        $this->received += strlen($bytes);
        $this->receiving = true;
        $at = 0;
        try {
            while (!$this->closed && strlen($this->in) - $at >= 9) {
                ['head' => $head, 'flags' => $flags, 'stream' => $id] = unpack('Nhead/Cflags/Nstream', $this->in, $at);
                $length = $head >> 8;
                if ($length > self::MAX_FRAME) {
                    throw new ProtocolError(ErrorCode::FrameSizeError, "a frame of $length bytes");
                }
                if (strlen($this->in) - $at < 9 + $length) {
                    break;
                }
                $payload = substr($this->in, $at + 9, $length);
                $at += 9 + $length;
                $this->frame($head & 0xff, $flags, $id & 0x7fffffff, $payload);
            }
        } catch (ProtocolError $error) {
            $this->out .= FrameType::GoAway->frame(pack('NN', 0, $error->error->value));
            $this->end(Problem::broken("the API broke the HTTP/2 protocol: {$error->getMessage()}"));
        }
        $this->receiving = false;
        $this->in = substr($this->in, $at);
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
        if ($stream->owed >= self::STREAM_WINDOW / 2 && isset($this->streams[$stream->id])) {
            $this->out .= FrameType::WindowUpdate->frame(pack('N', $stream->owed), $stream->id);
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
            $this->out .= FrameType::RstStream->frame(pack('N', $why->value), $stream->id);
            $this->tellOutput();
        }
    }

    private function tellOutput(): void
    {
        if (!$this->receiving) {
            ($this->onOutput)();
        }
    }

    private function frame(int $number, int $flags, int $id, string $payload): void
    {
        $type = FrameType::tryFrom($number);
        if (!$this->ready && ($type !== FrameType::Settings || $flags & FrameType::ACK)) {
            throw self::error('it begins without settings');
        }
        if ($this->headers !== null && $type !== FrameType::Continuation) {
            throw self::error('headers are interrupted');
        }
        match ($type) {
            FrameType::Data => $this->onData($this->stream($id), $flags, $payload),
            FrameType::Headers => $this->onHeaders($this->stream($id), $flags, $payload),
            FrameType::Continuation => $this->onContinuation($flags, $payload),
            FrameType::RstStream => $this->onReset($this->stream($id), self::number($payload)),
            FrameType::Settings => $this->onSettings($id, $flags, $payload),
            FrameType::Ping => $this->onPing($id, $flags, $payload),
            FrameType::GoAway => $this->onGoAway($id, $payload),
            FrameType::WindowUpdate => $this->onWindowUpdate($id, self::number($payload) & self::LARGEST_WINDOW),
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

    private function onData(?Stream $stream, int $flags, string $payload): void
    {
        $this->owed += strlen($payload);
        if ($this->owed >= self::CONNECTION_WINDOW / 4) {
            $this->out .= FrameType::WindowUpdate->frame(pack('N', $this->owed));
            $this->owed = 0;
        }
        $data = self::unpadded($flags, $payload);
        if ($stream === null) {
            return;
        }
        $this->giveBack($stream, strlen($payload) - strlen($data)); // padding is nobody's
        $this->judged($stream, static function () use ($stream, $data, $flags): void {
            $stream->receiveData($data);
            if ($flags & FrameType::END_STREAM) {
                $stream->receiveEnd();
            }
        }, ($flags & FrameType::END_STREAM) !== 0);
    }

    private function onHeaders(?Stream $stream, int $flags, string $payload): void
    {
        $block = self::unpadded($flags, $payload);
        if ($flags & FrameType::PRIORITY) {
            $block = strlen($block) >= 5 ? substr($block, 5) : throw self::error('headers cut short');
        }
        $this->headers = [$stream, ($flags & FrameType::END_STREAM) !== 0, ''];
        $this->onContinuation($flags, $block);
    }

    private function onContinuation(int $flags, string $block): void
    {
        if ($this->headers === null) {
            throw self::error('a continuation of nothing');
        }
        $this->headers[2] .= $block;
        if (strlen($this->headers[2]) > self::MAX_HEADERS) {
            throw self::error('headers without end');
        }
        if (!($flags & FrameType::END_HEADERS)) {
            return;
        }
        [$stream, $last, $block] = $this->headers;
        $this->headers = null;
        $fields = $this->hpack->decode($block);
        if ($stream === null || !isset($this->streams[$stream->id])) {
            return;
        }
        $this->judged($stream, static function () use ($stream, $fields, $last): void {
            $stream->receiveHeaders($fields, $last);
            if ($last) {
                $stream->receiveEnd();
            }
        }, $last);
    }

    /** Lets a stream take a frame; resets it if the frame makes its response a malformed one. */
    private function judged(Stream $stream, \Closure $receive, bool $last): void
    {
        $this->touched[$stream->id] = $stream;
        try {
            $receive();
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

    private function onSettings(int $id, int $flags, string $payload): void
    {
        if ($id !== 0 || strlen($payload) % 6 !== 0) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'settings of the wrong shape');
        }
        if ($flags & FrameType::ACK) {
            return;
        }
        foreach (str_split($payload, 6) as $setting) {
            if ($setting !== '') {
                ['name' => $name, 'value' => $value] = unpack('nname/Nvalue', $setting);
                $this->set($name, $value);
            }
        }
        $this->ready = true;
        $this->out .= FrameType::Settings->frame('', 0, FrameType::ACK);
        array_map($this->send(...), $this->streams);
    }

    private function set(int $name, int $value): void
    {
        if ($name === self::MAX_CONCURRENT_STREAMS) {
            $this->maxStreams = min($value, self::MAX_STREAMS);
        } elseif ($name === self::MAX_FRAME_SIZE) {
            if ($value < self::MAX_FRAME || $value > 0xffffff) {
                throw self::error('a frame size that is not allowed');
            }
            $this->maxFrame = min($value, self::MAX_FRAME);
        } elseif ($name === self::INITIAL_WINDOW_SIZE) {
            if ($value > self::LARGEST_WINDOW) {
                throw new ProtocolError(ErrorCode::FlowControlError, 'a window that is too large');
            }
            foreach ($this->streams as $stream) {
                $stream->window += $value - $this->initialWindow;
            }
            $this->initialWindow = $value;
        }
    }

    private function onPing(int $id, int $flags, string $payload): void
    {
        if ($id !== 0 || strlen($payload) !== 8) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'a ping of the wrong shape');
        }
        if (!($flags & FrameType::ACK)) {
            $this->out .= FrameType::Ping->frame($payload, 0, FrameType::ACK);
        }
    }

    private function onGoAway(int $id, string $payload): void
    {
        if ($id !== 0 || strlen($payload) < 8) {
            throw new ProtocolError(ErrorCode::FrameSizeError, 'a goodbye of the wrong shape');
        }
        $this->draining = true;
        $last = self::number(substr($payload, 0, 4)) & self::LARGEST_WINDOW;
        foreach ($this->streams as $id => $stream) {
            if ($id > $last) {
                unset($this->streams[$id]);
                $this->touched[$id] = $stream;
                $stream->fail(new Unprocessed('the API takes no more requests on this connection'));
            }
        }
    }

    private function onWindowUpdate(int $id, int $bytes): void
    {
        $stream = $id === 0 ? null : $this->stream($id);
        if ($stream === null && $id !== 0) {
            return;
        }
        if ($bytes === 0) {
            throw self::error('a window that opens by nothing');
        }
        if ($stream === null) {
            $this->window = self::opened($this->window, $bytes);
            array_map($this->send(...), $this->streams);
        } else {
            $stream->window = self::opened($stream->window, $bytes);
            $this->send($stream);
        }
    }

    /** Sends of the request's body what the API's windows admit. */
    private function send(Stream $stream): void
    {
        while ($stream->unsent !== '') {
            $size = min($this->window, $stream->window, $this->maxFrame, strlen($stream->unsent));
            if ($size <= 0) {
                return;
            }
            $piece = substr($stream->unsent, 0, $size);
            $stream->unsent = substr($stream->unsent, $size);
            $stream->window -= $size;
            $this->window -= $size;
            $this->out .= FrameType::Data->frame($piece, $stream->id, $stream->unsent === '' ? FrameType::END_STREAM : 0);
        }
    }

    private static function opened(int $window, int $bytes): int
    {
        return $window + $bytes <= self::LARGEST_WINDOW
            ? $window + $bytes
            : throw new ProtocolError(ErrorCode::FlowControlError, 'a window that is too large');
    }

    private static function unpadded(int $flags, string $payload): string
    {
        if (!($flags & FrameType::PADDED)) {
            return $payload;
        }
        $padding = ord($payload[0] ?? "\xff");
        return $padding < strlen($payload) ? substr($payload, 1, -$padding ?: null) : throw self::error('nothing but padding');
    }

    private static function number(string $payload): int
    {
        return strlen($payload) === 4
            ? unpack('N', $payload)[1]
            : throw new ProtocolError(ErrorCode::FrameSizeError, 'a frame of the wrong size');
    }

    private static function error(string $message): ProtocolError
    {
        return new ProtocolError(ErrorCode::ProtocolError, $message);
    }
}
