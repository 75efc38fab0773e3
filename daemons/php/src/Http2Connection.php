<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\DeferredFuture;
use Amp\Http\Client\Request;
use Amp\Http\Client\Response;
use Amp\Http\HPack;

use function Amp\async;

/**
 * HTTP/2 to the API. One fiber reads frames for all streams; writing never waits, since
 * what is sent is bounded by the API's windows.
 *
 * amphp/http-client's own connection is not used: on GOAWAY it gives up the streams that
 * the API is going to finish, it keeps an early response back until the request was sent,
 * and it counts padding as no part of the window.
 */
final class Http2Connection implements Connection
{
    private const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    private const HEADER_TABLE_SIZE = 1;
    private const ENABLE_PUSH = 2;
    private const MAX_CONCURRENT_STREAMS = 3;
    private const INITIAL_WINDOW_SIZE = 4;
    private const MAX_FRAME_SIZE = 5;

    private const DEFAULT_WINDOW = (1 << 16) - 1;
    private const MAX_WINDOW = (1 << 31) - 1;

    /** All streams together: so wide that those whose clients stall cannot use it up. */
    private const WINDOW = 1 << 30;

    private const MAX_HEAD = 64 << 10;

    private readonly HPack $hpack;
    /** @var array<int, Http2Stream> */
    private array $streams = [];
    private int $next = 1;
    private int $reserved = 0;
    private bool $used = false;
    /** Takes no more requests. */
    private bool $closing = false;
    /** The frames before the one that ends the head. */
    private ?Http2Frame $headStart = null;
    private string $headBlock = '';
    private int $maxStreams = PHP_INT_MAX;
    private int $maxFrame = Http2Frame::MAX_SIZE;
    private int $initialRoom = self::DEFAULT_WINDOW;
    private int $room = self::DEFAULT_WINDOW;
    /** Bytes that came and were not given back as room in the connection's window. */
    private int $free = 0;
    /** Completes with the API's SETTINGS. */
    private readonly DeferredFuture $ready;

    public function __construct(private readonly Transport $transport)
    {
        $this->hpack = new HPack();
        $this->ready = new DeferredFuture();
        $this->ready->getFuture()->ignore();
    }

    /**
     * Waits until the API's limits are known.
     *
     * @throws BrokenException|\Amp\CancelledException
     */
    public function start(Cancellation $cancellation): void
    {
        $settings = pack('nNnN', self::ENABLE_PUSH, 0, self::INITIAL_WINDOW_SIZE, Http2Stream::WINDOW);
        $this->transport->send(self::PREFACE . Http2Frame::encode(Http2Frame::SETTINGS, 0, 0, $settings));
        $this->widen(0, self::WINDOW - self::DEFAULT_WINDOW);
        async($this->run(...))->ignore();
        $this->ready->getFuture()->await($cancellation);
    }

    public function reserve(): bool
    {
        if ($this->closing || count($this->streams) + $this->reserved >= $this->maxStreams) {
            return false;
        }
        ++$this->reserved;
        return true;
    }

    public function isOpen(): bool
    {
        return !$this->closing;
    }

    public function request(Request $request, Cancellation $cancellation): Response
    {
        --$this->reserved;
        if ($this->closing) {
            throw new UnprocessedException('the connection was closed before the request');
        }
        $again = $this->used;
        $before = $this->transport->received();
        $this->used = true;
        $stream = new Http2Stream($this->next, $this, $this->initialRoom);
        $this->streams[$stream->id] = $stream;
        $this->next += 2;
        $stream->unsent = (string) $request->getBody()->getContent()->read();
        $this->sendHead($stream, $request);
        $this->sendBody($stream);
        try {
            $head = $stream->head($cancellation);
        } catch (BrokenException $error) {
            $stream->close();
            $untouched = $again && $this->closing && $this->transport->received() === $before;
            throw $untouched ? new UnprocessedException($error->getMessage()) : $error;
        } catch (\Throwable $error) {
            $stream->close();
            throw $error;
        }
        $status = (int) $head[':status'][0];
        unset($head[':status']);
        return new Response('2', $status, null, $head, $stream, $request);
    }

    public function close(): void
    {
        $this->fail(new BrokenException('the connection was closed'));
    }

    /** Gives the stream's place back. */
    public function drop(Http2Stream $stream): void
    {
        if (!isset($this->streams[$stream->id])) {
            return;
        }
        unset($this->streams[$stream->id]);
        if (!$stream->ended || $stream->unsent !== '') {
            $this->reset($stream->id, $stream->ended ? Http2Exception::NO_ERROR : Http2Exception::CANCEL);
        }
        $this->closeIfDone();
    }

    /** Lets the API send so many bytes more, on a stream or (0) on all together. */
    public function widen(int $stream, int $bytes): void
    {
        $this->send(Http2Frame::WINDOW_UPDATE, 0, $stream, pack('N', $bytes));
    }

    private function run(): void
    {
        $bytes = '';
        try {
            while (($read = $this->transport->read()) !== null) {
                $bytes .= $read;
                foreach (Http2Frame::takeAll($bytes) as $frame) {
                    $this->take($frame);
                }
            }
            $this->fail(new BrokenException('the API closed the connection'));
        } catch (Http2Exception $error) {
            $this->send(Http2Frame::GOAWAY, 0, 0, pack('NN', 0, $error->getCode()));
            $this->fail($error);
        } catch (BrokenException $error) {
            $this->fail($error);
        }
    }

    /** @throws Http2Exception when the connection is of no use any more */
    private function take(Http2Frame $frame): void
    {
        if (($this->headStart !== null) !== ($frame->type === Http2Frame::CONTINUATION)) {
            throw new Http2Exception('CONTINUATION where it is not due, or none where it is');
        }
        match ($frame->type) {
            Http2Frame::DATA => $this->takeData($frame),
            Http2Frame::HEADERS, Http2Frame::CONTINUATION => $this->takeHeadPart($frame),
            Http2Frame::RST_STREAM => $this->takeReset($frame),
            Http2Frame::SETTINGS => $this->takeSettings($frame),
            Http2Frame::PING => $this->takePing($frame),
            Http2Frame::GOAWAY => $this->takeGoAway($frame),
            Http2Frame::WINDOW_UPDATE => $this->takeWindowUpdate($frame),
            Http2Frame::PUSH_PROMISE => throw new Http2Exception('a push, which was not allowed'),
            default => null,
        };
    }

    /** The stream of a frame; null when it is closed on our side already. */
    private function stream(Http2Frame $frame): ?Http2Stream
    {
        if ($frame->stream % 2 === 0 || $frame->stream >= $this->next) {
            throw new Http2Exception('a frame of a stream that was never opened');
        }
        return $this->streams[$frame->stream] ?? null;
    }

    private function takeData(Http2Frame $frame): void
    {
        $size = strlen($frame->payload);
        $this->free += $size;
        if ($this->free >= self::WINDOW / 2) {
            $this->widen(0, $this->free);
            $this->free = 0;
        }
        $content = $frame->content();
        $this->within($this->stream($frame), static function (Http2Stream $stream) use ($frame, $content, $size): void {
            $stream->takeData($content, $size);
            if ($frame->has(Http2Frame::END_STREAM)) {
                $stream->takeEnd();
            }
        });
    }

    private function takeHeadPart(Http2Frame $frame): void
    {
        $start = $this->headStart ?? $frame;
        if ($start->stream !== $frame->stream) {
            throw new Http2Exception('CONTINUATION of another stream');
        }
        $this->headBlock .= $frame->type === Http2Frame::HEADERS ? $frame->content() : $frame->payload;
        if (strlen($this->headBlock) > self::MAX_HEAD) {
            throw new Http2Exception('a head is too large');
        }
        $this->headStart = $start;
        if (!$frame->has(Http2Frame::END_HEADERS)) {
            return;
        }
        $fields = $this->hpack->decode($this->headBlock, self::MAX_HEAD)
            ?? throw new Http2Exception('a head cannot be decoded', Http2Exception::COMPRESSION_ERROR);
        $this->headStart = null;
        $this->headBlock = '';
        $this->within($this->stream($start), static function (Http2Stream $stream) use ($start, $fields): void {
            $end = $start->has(Http2Frame::END_STREAM);
            $stream->takeHeaders(self::byName($fields), $end);
            if ($end) {
                $stream->takeEnd();
            }
        });
    }

    /**
     * @param list<array{string, string}> $fields
     * @return array<string, list<string>>
     * @throws Http2Exception
     */
    private static function byName(array $fields): array
    {
        $byName = [];
        foreach ($fields as [$name, $value]) {
            $valid = preg_match('/^:?[!#$%&\'*+.^_`|~0-9a-z-]+$/D', $name) && !preg_match('/[\x00\r\n]/', $value)
                && !in_array($name, ['connection', 'transfer-encoding', 'upgrade', 'keep-alive'], true);
            if (!$valid || ($name[0] === ':' && ($name !== ':status' || array_diff_key($byName, [':status' => 0])))) {
                throw new Http2Exception('a field that no response may have');
            }
            $byName[$name][] = $value;
        }
        return $byName;
    }

    /** What goes wrong in a stream fails that stream. */
    private function within(?Http2Stream $stream, \Closure $take): void
    {
        if ($stream === null) {
            return;
        }
        try {
            $take($stream);
        } catch (Http2Exception $error) {
            $this->reset($stream->id, $error->getCode());
            $this->lose($stream, $error);
        }
    }

    private function takeReset(Http2Frame $frame): void
    {
        $code = $frame->number();
        $stream = $this->stream($frame);
        if ($stream === null) {
            return;
        }
        $stream->unsent = '';
        $this->lose($stream, $code === Http2Exception::REFUSED_STREAM
            ? new UnprocessedException('the API refused the stream')
            : new BrokenException("the API reset the stream (code $code)"));
    }

    private function takeSettings(Http2Frame $frame): void
    {
        if ($frame->stream !== 0 || strlen($frame->payload) % 6 !== 0) {
            throw new Http2Exception('bad SETTINGS', Http2Exception::FRAME_SIZE_ERROR);
        }
        if ($frame->has(Http2Frame::ACK)) {
            return;
        }
        for ($at = 0; $at < strlen($frame->payload); $at += 6) {
            ['name' => $name, 'value' => $value] = unpack('nname/Nvalue', $frame->payload, $at);
            if ($name === self::MAX_CONCURRENT_STREAMS) {
                $this->maxStreams = $value;
            } elseif ($name === self::MAX_FRAME_SIZE) {
                $this->maxFrame = max(Http2Frame::MAX_SIZE, $value);
            } elseif ($name === self::INITIAL_WINDOW_SIZE) {
                $this->resize($value);
            }
        }
        $this->send(Http2Frame::SETTINGS, Http2Frame::ACK, 0, '');
        if (!$this->ready->isComplete()) {
            $this->ready->complete();
        }
        array_map($this->sendBody(...), $this->streams);
    }

    private function resize(int $window): void
    {
        if ($window > self::MAX_WINDOW) {
            throw new Http2Exception('a window is too large', Http2Exception::FLOW_CONTROL_ERROR);
        }
        foreach ($this->streams as $stream) {
            $stream->room += $window - $this->initialRoom;
        }
        $this->initialRoom = $window;
    }

    private function takePing(Http2Frame $frame): void
    {
        if (strlen($frame->payload) !== 8 || $frame->stream !== 0) {
            throw new Http2Exception('bad PING', Http2Exception::FRAME_SIZE_ERROR);
        }
        if (!$frame->has(Http2Frame::ACK)) {
            $this->send(Http2Frame::PING, Http2Frame::ACK, 0, $frame->payload);
        }
    }

    /** Streams up to the last go on here; the others were not processed (U8). */
    private function takeGoAway(Http2Frame $frame): void
    {
        $last = $frame->number() & self::MAX_WINDOW;
        $this->closing = true;
        foreach ($this->streams as $stream) {
            if ($stream->id > $last) {
                $this->lose($stream, new UnprocessedException('the API goes away'));
            }
        }
        if (!$this->ready->isComplete()) {
            $this->ready->error(new BrokenException('the API goes away'));
        }
        $this->closeIfDone();
    }

    private function takeWindowUpdate(Http2Frame $frame): void
    {
        $bytes = $frame->number() & self::MAX_WINDOW;
        $stream = $frame->stream === 0 ? null : $this->stream($frame);
        if ($frame->stream === 0) {
            $this->room += $bytes;
            if ($bytes === 0 || $this->room > self::MAX_WINDOW) {
                throw new Http2Exception('a window of no size', Http2Exception::FLOW_CONTROL_ERROR);
            }
            array_map($this->sendBody(...), $this->streams);
            return;
        }
        $this->within($stream, function (Http2Stream $stream) use ($bytes): void {
            $stream->room += $bytes;
            if ($bytes === 0 || $stream->room > self::MAX_WINDOW) {
                throw new Http2Exception('a window of no size', Http2Exception::FLOW_CONTROL_ERROR);
            }
            $this->sendBody($stream);
        });
    }

    private function sendHead(Http2Stream $stream, Request $request): void
    {
        $uri = $request->getUri();
        $block = $this->hpack->encode([
            [':method', $request->getMethod()],
            [':scheme', $uri->getScheme()],
            [':authority', $uri->getAuthority()],
            [':path', $uri->getPath() . ($uri->getQuery() === '' ? '' : '?' . $uri->getQuery())],
            ['content-length', (string) strlen($stream->unsent)],
            ...$request->getHeaderPairs(),
        ]);
        $parts = str_split($block, $this->maxFrame);
        foreach ($parts as $index => $part) {
            $type = $index === 0 ? Http2Frame::HEADERS : Http2Frame::CONTINUATION;
            $this->send($type, $index === count($parts) - 1 ? Http2Frame::END_HEADERS : 0, $stream->id, $part);
        }
    }

    /** As much as the windows have room for. */
    private function sendBody(Http2Stream $stream): void
    {
        while ($stream->unsent !== '' && ($size = min($this->room, $stream->room, $this->maxFrame)) > 0) {
            $part = substr($stream->unsent, 0, $size);
            $stream->unsent = substr($stream->unsent, strlen($part));
            $this->room -= strlen($part);
            $stream->room -= strlen($part);
            $end = $stream->unsent === '' ? Http2Frame::END_STREAM : 0;
            $this->send(Http2Frame::DATA, $end, $stream->id, $part);
        }
    }

    private function reset(int $stream, int $code): void
    {
        $this->send(Http2Frame::RST_STREAM, 0, $stream, pack('N', $code));
    }

    private function send(int $type, int $flags, int $stream, string $payload): void
    {
        $this->transport->send(Http2Frame::encode($type, $flags, $stream, $payload));
    }

    private function lose(Http2Stream $stream, BrokenException $reason): void
    {
        unset($this->streams[$stream->id]);
        $stream->fail($reason);
        $this->closeIfDone();
    }

    private function fail(BrokenException $reason): void
    {
        $this->closing = true;
        $streams = $this->streams;
        $this->streams = [];
        foreach ($streams as $stream) {
            $stream->fail($reason);
        }
        if (!$this->ready->isComplete()) {
            $this->ready->error($reason);
        }
        $this->transport->close();
    }

    private function closeIfDone(): void
    {
        if ($this->closing && $this->streams === []) {
            $this->transport->close();
        }
    }
}
