<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests\Http2;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Http2\Connection;
use StreamingDaemon\Http2\ErrorCode;
use StreamingDaemon\Http2\Frame;
use StreamingDaemon\Http2\FrameReader;
use StreamingDaemon\Http2\FrameType;
use StreamingDaemon\Http2\Hpack;
use StreamingDaemon\Problem;
use StreamingDaemon\Unprocessed;

/** Tests of the HTTP/2 connection. The test plays the API frame by frame, and parses the sent frames. */
final class ConnectionTest extends TestCase
{
    private const PREFACE = 24;
    private const INITIAL_WINDOW_SIZE = 0x4;

    private Connection $connection;
    private int $outputs = 0;

    protected function setUp(): void
    {
        $this->connection = new Connection(function (): void {
            ++$this->outputs;
        });
        $this->connection->output();
    }

    public function testBeginsWithPrefaceAndSettings(): void
    {
        $connection = new Connection(static fn () => null);
        $output = $connection->output();
        self::assertStringStartsWith("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", $output);
        $frames = self::frames(substr($output, self::PREFACE));
        self::assertSame([FrameType::Settings, FrameType::WindowUpdate], array_column($frames, 'type'));
        self::assertSame(0, $connection->room(), 'before the API\'s settings arrive');
    }

    public function testRequestAndAnswer(): void
    {
        $this->settings();
        $stream = $this->connection->request([':method' => 'POST'], 'body');
        [$acknowledged, $headers, $data] = self::frames($this->connection->output());
        self::assertTrue($acknowledged->has(FrameType::ACK));
        self::assertSame([[':method', 'POST']], (new Hpack())->decode($headers->payload));
        self::assertSame('body', $data->payload);
        self::assertTrue($data->has(FrameType::END_STREAM));

        $bytes = $this->head(['x-a' => 'b']) . FrameType::Data->frame('one', 1) . FrameType::Data->frame('two', 1);
        foreach (str_split($bytes) as $byte) {
            $this->connection->receive($byte);
        }
        self::assertSame(200, $stream->head()?->status);
        self::assertSame('onetwo', $stream->take());
        self::assertFalse($stream->isOver());
        $this->connection->receive(FrameType::Data->frame('', 1, FrameType::END_STREAM));
        self::assertTrue($stream->isOver());
        self::assertNull($stream->failure());
        self::assertTrue($this->connection->isIdle());
    }

    public function testBodyWaitsForWindows(): void
    {
        $this->settings(pack('nN', self::INITIAL_WINDOW_SIZE, 10));
        $this->connection->request([':method' => 'POST'], str_repeat('x', 25));
        self::assertSame(10, self::sizeOfData($this->connection->output()));
        $this->connection->receive(FrameType::WindowUpdate->frame(pack('N', 5), 1));
        self::assertSame(5, self::sizeOfData($this->connection->output()));
        $this->settings(pack('nN', self::INITIAL_WINDOW_SIZE, 20));
        $frames = self::frames($this->connection->output());
        self::assertSame(10, strlen(end($frames)->payload));
        self::assertTrue(end($frames)->has(FrameType::END_STREAM));
    }

    /** The stream's window widens by the taken bytes, not by the received bytes (U6). */
    public function testStreamWindowFollowsTheReader(): void
    {
        $stream = $this->open();
        $this->connection->receive($this->head());
        for ($sent = 0; $sent < 40_000; $sent += 10_000) {
            $this->connection->receive(FrameType::Data->frame(str_repeat('x', 10_000), 1));
        }
        self::assertSame('', $this->connection->output());
        $this->outputs = 0;
        $stream->take();
        self::assertSame(1, $this->outputs);
        [$update] = self::frames($this->connection->output());
        self::assertSame([FrameType::WindowUpdate, 1, 40_000], [$update->type, $update->stream, $update->number()]);
    }

    /** An API that ignores the window fails its stream (U6). */
    public function testWindowHolds(): void
    {
        $stream = $this->open();
        $this->connection->receive($this->head());
        for ($sent = 0; $sent < 65_536; $sent += 16_384) {
            self::assertFalse($stream->isOver());
            $this->connection->receive(FrameType::Data->frame(str_repeat('x', 16_384), 1));
        }
        self::assertFalse($stream->isOver());
        $this->connection->receive(FrameType::Data->frame('x', 1));
        self::assertInstanceOf(Problem::class, $stream->failure());
    }

    public function testHeadersInPieces(): void
    {
        $stream = $this->open();
        $block = Hpack::encode([':status' => '200', 'x-a' => str_repeat('b', 100)]);
        $flags = FrameType::PADDED | FrameType::PRIORITY;
        $this->connection->receive(
            FrameType::Headers->frame("\2\0\0\0\1\0" . substr($block, 0, 9) . 'xx', 1, $flags)
            . FrameType::Continuation->frame(substr($block, 9, 1), 1)
            . FrameType::Continuation->frame(substr($block, 10), 1, FrameType::END_HEADERS),
        );
        self::assertSame(str_repeat('b', 100), $stream->head()?->headers['x-a']);
    }

    /** @dataProvider resets */
    public function testReset(ErrorCode $code, bool $begun, string $failure): void
    {
        $stream = $this->open();
        $this->connection->receive(
            ($begun ? $this->head() : '') . FrameType::RstStream->frame(pack('N', $code->value), 1),
        );
        self::assertInstanceOf($failure, $stream->failure());
    }

    /** @return array<string, array{ErrorCode, bool, class-string}> */
    public static function resets(): array
    {
        return [
            'refused: not processed' => [ErrorCode::RefusedStream, false, Unprocessed::class],
            'refused too late' => [ErrorCode::RefusedStream, true, Problem::class],
            'without an error' => [ErrorCode::NoError, true, Problem::class],
            'cancelled' => [ErrorCode::Cancel, false, Problem::class],
        ];
    }

    public function testGoAwayFailsOnlyLaterStreams(): void
    {
        [$covered, $beyond] = [$this->open(), $this->open()];
        $this->connection->receive(FrameType::GoAway->frame(pack('NN', 1, 0)));
        self::assertInstanceOf(Unprocessed::class, $beyond->failure());
        self::assertFalse($covered->isOver());
        self::assertSame(0, $this->connection->room());
        $this->connection->receive($this->head([], last: true));
        self::assertNull($covered->failure());
        self::assertTrue($this->connection->isSpent());
    }

    public function testAnswerBeforeTheRequestWasRead(): void
    {
        $this->settings(pack('nN', self::INITIAL_WINDOW_SIZE, 10));
        $stream = $this->connection->request([':method' => 'POST'], str_repeat('x', 25));
        $this->connection->output();
        $this->connection->receive($this->head([], last: true));
        self::assertNull($stream->failure());
        [$reset] = self::frames($this->connection->output());
        self::assertSame([FrameType::RstStream, ErrorCode::NoError->value], [$reset->type, $reset->number()]);
    }

    /** @dataProvider malformed */
    public function testMalformedAnswerCostsItsStream(string $frames): void
    {
        $stream = $this->open();
        $this->connection->receive($frames);
        self::assertInstanceOf(Problem::class, $stream->failure());
        self::assertFalse($this->connection->isClosed());
        [$reset] = self::frames($this->connection->output());
        self::assertSame([FrameType::RstStream, ErrorCode::ProtocolError->value], [$reset->type, $reset->number()]);
    }

    /** @return array<string, array{string}> */
    public static function malformed(): array
    {
        $end = FrameType::END_STREAM;
        return [
            'longer than its length' => [self::headers(['content-length' => '2']) . FrameType::Data->frame('abc', 1)],
            'shorter than its length' => [
                self::headers(['content-length' => '4']) . FrameType::Data->frame('abc', 1, $end),
            ],
            'a body without a head' => [FrameType::Data->frame('abc', 1)],
            'a head without a status' => [
                FrameType::Headers->frame(Hpack::encode(['a' => 'b']), 1, FrameType::END_HEADERS),
            ],
            'a header in capitals' => [self::headers(['Connection' => 'close'])],
            'trailers that do not end it' => [self::headers([]) . self::headers([])],
        ];
    }

    /** @dataProvider broken */
    public function testBrokenConnectionDeliversEarlierFrames(string $frame, ErrorCode $code): void
    {
        $stream = $this->open();
        $this->connection->receive($this->head() . FrameType::Data->frame('before', 1) . $frame);
        self::assertSame('before', $stream->take());
        self::assertInstanceOf(Problem::class, $stream->failure());
        self::assertTrue($this->connection->isClosed());
        [$goAway] = self::frames($this->connection->output());
        self::assertSame(FrameType::GoAway, $goAway->type);
        self::assertSame(pack('NN', 0, $code->value), $goAway->payload);
    }

    /** @return array<string, array{string, ErrorCode}> */
    public static function broken(): array
    {
        $window = FrameType::WindowUpdate;
        return [
            'data on the connection' => [FrameType::Data->frame('x', 0), ErrorCode::ProtocolError],
            'data on an unopened stream' => [FrameType::Data->frame('x', 3), ErrorCode::ProtocolError],
            'a window of three bytes' => [$window->frame("\0\0\1", 1), ErrorCode::FrameSizeError],
            'a window that is too large' => [$window->frame("\x7f\xff\xff\xff", 0), ErrorCode::FlowControlError],
            'a continuation without headers' => [
                FrameType::Continuation->frame('', 1, FrameType::END_HEADERS),
                ErrorCode::ProtocolError,
            ],
            'a ping between headers' => [
                FrameType::Headers->frame('', 1) . FrameType::Ping->frame('12345678'),
                ErrorCode::ProtocolError,
            ],
            'padding as long as the frame' => [
                FrameType::Data->frame("\1", 1, FrameType::PADDED),
                ErrorCode::ProtocolError,
            ],
            'a push' => [FrameType::PushPromise->frame("\0\0\0\2", 1), ErrorCode::ProtocolError],
            'settings on a stream' => [FrameType::Settings->frame('', 1), ErrorCode::ProtocolError],
            'a frame too large' => ["\xff\xff\xff\0\0\0\0\0\1", ErrorCode::FrameSizeError],
        ];
    }

    public function testPaddingAndUnknownFramesAndPings(): void
    {
        $stream = $this->open();
        $this->connection->receive(
            $this->head()
            . "\0\0\2\xfa\xff\0\0\0\1" . 'xx'
            . FrameType::Ping->frame('12345678')
            . FrameType::Data->frame("\3abc\0\0\0", 1, FrameType::PADDED),
        );
        self::assertSame('abc', $stream->take());
        [$pong] = self::frames($this->connection->output());
        self::assertSame(['12345678', true], [$pong->payload, $pong->has(FrameType::ACK)]);
    }

    /** A request without a response byte, on a reused connection that is lost, was not processed (U8). */
    public function testLostConnection(): void
    {
        $first = $this->open();
        $this->connection->receive($this->head([], last: true));
        $second = $this->open();
        $this->connection->lost();
        self::assertNull($first->failure());
        self::assertInstanceOf(Unprocessed::class, $second->failure());
    }

    public function testCancelMakesRoom(): void
    {
        $stream = $this->open();
        $room = $this->connection->room();
        $stream->cancel();
        self::assertSame($room + 1, $this->connection->room());
        [$reset] = self::frames($this->connection->output());
        self::assertSame([FrameType::RstStream, ErrorCode::Cancel->value], [$reset->type, $reset->number()]);
        $this->connection->receive($this->head() . FrameType::Data->frame('late', 1));
        self::assertFalse($this->connection->isClosed());
    }

    private function open(): \StreamingDaemon\Http2\Stream
    {
        $this->settings();
        $stream = $this->connection->request([':method' => 'POST'], 'x');
        $this->connection->output();
        return $stream;
    }

    private function settings(string $payload = ''): void
    {
        $this->connection->receive(FrameType::Settings->frame($payload));
    }

    /** @param array<string, string> $headers */
    private function head(array $headers = [], bool $last = false): string
    {
        return self::headers($headers, $last ? FrameType::END_STREAM : 0);
    }

    /** @param array<string, string> $headers */
    private static function headers(array $headers, int $flags = 0): string
    {
        $block = Hpack::encode([':status' => '200', ...$headers]);
        return FrameType::Headers->frame($block, 1, FrameType::END_HEADERS | $flags);
    }

    /** @return list<Frame> */
    private static function frames(string $bytes): array
    {
        $reader = new FrameReader();
        $reader->feed($bytes);
        for ($frames = []; ($frame = $reader->next()) !== null;) {
            $frames[] = $frame;
        }
        return $frames;
    }

    private static function sizeOfData(string $bytes): int
    {
        $data = array_filter(self::frames($bytes), static fn (Frame $frame): bool => $frame->type === FrameType::Data);
        return array_sum(array_map(static fn (Frame $frame): int => strlen($frame->payload), $data));
    }
}
