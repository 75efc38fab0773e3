<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Format;
use StreamingDaemon\Relay;
use StreamingDaemon\RelayState;

/** Tests of the relay: the client's events for the API's bytes, and the end of the answer. */
final class RelayTest extends TestCase
{
    private const A = 'data: {"choices":[{"index":0,"delta":{"content":"A"}}]}' . "\n\n";
    private const STOP = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}' . "\n\n";

    /** @dataProvider complete */
    public function testComplete(string $stream, string $sent): void
    {
        $relay = new Relay(Format::Simple);
        $out = $relay->feed($stream);
        $out .= $relay->state() === RelayState::Running ? $relay->end() : '';
        self::assertSame(RelayState::Finished, $relay->state());
        self::assertSame($sent, $out);
    }

    /** @return iterable<string, array{string, string}> */
    public static function complete(): iterable
    {
        $a = 'data: {"content":"A"}' . "\n\n";
        yield '[DONE]' => [self::A . "data: [DONE]\n\n" . self::A, $a];
        yield 'a finish, then the end' => [self::A . self::STOP, $a];
        yield 'a last event without its blank line' => [self::A . rtrim(self::STOP), $a];
        yield 'other types of events' => ["event: ping\ndata: x\n\n" . self::A . "data: [DONE]\n\n", $a];
        yield 'an error that is null' => ['data: {"error":null,"choices":[]}' . "\n\ndata: [DONE]\n\n", ''];
        yield 'empty data and comments' => [
            self::A . "data:\n\ndata\n\nid: 7\n: beat\n\nevent: ping\ndata:\n\ndata: [DONE]\n\n",
            $a,
        ];
        yield 'text next to other fields' => [
            'data: {"choices":[{"delta":{"role":"assistant","reasoning_content":"x","tool_calls":[{}],"content":"A"},'
            . '"finish_reason":""}]}' . "\n\n" . self::STOP,
            $a,
        ];
        yield 'calls, then stop' => [
            'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}' . "\n\n" . self::STOP,
            '',
        ];
        yield 'a list of text parts' => [
            'data: {"choices":[{"delta":{"content":[{"type":"text","text":"A"},{"text":"B"}]}}]}' . "\n\n" . self::STOP,
            'data: {"content":"AB"}' . "\n\n",
        ];
        yield 'strings and a thinking part' => [
            'data: {"choices":[{"delta":{"content":["A",{"type":"thinking","thinking":[]},{"text":"B"}]}}]}' . "\n\n"
            . self::STOP,
            'data: {"content":"AB"}' . "\n\n",
        ];
        yield 'a list without parts' => [
            'data: {"choices":[{"delta":{"content":[]}}]}' . "\n\n" . self::STOP,
            '',
        ];
        yield 'another choice' => [
            'data: {"choices":[{"index":1,"delta":{"content":"B"},"finish_reason":"stop"}]}' . "\n\n" . self::STOP,
            '',
        ];
        yield 'any text' => [
            'data: {"choices":[{"delta":{"content":"\u00e9\ud83d\ude00\/\u2028\ud800\n"}}]}' . "\n\ndata: [DONE]\n\n",
            "data: {\"content\":\"é😀/\u{2028}\u{fffd}\\n\"}\n\n",
        ];
    }

    /** @dataProvider broken */
    public function testBroken(string $stream, string $event): void
    {
        self::assertFails(Format::Simple, $stream, $event);
    }

    /**
     * An error in any form fails the stream, in both formats, also before [DONE].
     *
     * @dataProvider errors
     */
    public function testErrors(string $lines, string $message): void
    {
        foreach (Format::cases() as $format) {
            self::assertFails($format, self::A . "$lines\n\n" . self::STOP . "data: [DONE]\n\n", $message);
        }
    }

    /** @return iterable<array{string, string}> */
    public static function errors(): iterable
    {
        yield ['data: {"choices":[],"error":{"message":"no"}}', '"message":"no"'];
        yield ['data: {"choices":[{"delta":{"content":""}}],"error":"no"}', '"message":"no"'];
        yield ['data: {"error":503}', 'the API reported an error'];
        yield ['data: {"error":[]}', 'the API reported an error'];
        yield ['data: {"error":false}', 'the API reported an error'];
        yield ['data: {"object":"error","message":"no","code":400}', '"message":"no"'];
        yield ['data: {"message":"no"}', '"message":"no"'];
        yield ['data: {"type":"error"}', 'the API reported an error'];
        yield ['data: {"detail":"no"}', '"message":"no"'];
        yield ['data: {"detail":[{"msg":"no"}]}', 'the API reported an error'];
        yield ['error: {"code":500,"message":"no"}', '"message":"no"'];
        yield ['error: no', '"message":"no"'];
        yield ['event: error', 'the API reported an error'];
        yield ["event: error\ndata:", 'the API reported an error'];
    }

    /** Content of another type fails the simple format. The openai format relays the chunk. */
    public function testOddContent(): void
    {
        $image = '[{"type":"image_url","text":"a"}]';
        foreach (['5', 'false', '{}', '[5]', '[{}]', '[{"text":5}]', $image] as $content) {
            $event = 'data: {"choices":[{"delta":{"content":' . $content . '}}]}' . "\n\n";
            self::assertFails(Format::Simple, $event . self::STOP, 'expected a delta\'s content');
            self::assertSame($event, (new Relay(Format::OpenAI))->feed($event));
        }
    }

    private static function assertFails(Format $format, string $stream, string $event): void
    {
        $relay = new Relay($format);
        $relay->feed($stream);
        if ($relay->state() === RelayState::Running) {
            $relay->end();
        }
        self::assertSame(RelayState::Failed, $relay->state());
        self::assertStringContainsString($event, $relay->failure()->event());
    }

    /** @return iterable<string, array{string, string}> */
    public static function broken(): iterable
    {
        yield 'an empty stream' => ['', 'ended before it was finished'];
        yield 'no finish' => [self::A, 'ended before it was finished'];
        yield 'an empty finish_reason' => [
            'data: {"choices":[{"delta":{"content":"A"},"finish_reason":""}]}' . "\n\n",
            'ended before it was finished',
        ];
        yield 'one of two choices' => [
            'data: {"choices":[{"index":1,"delta":{}}]}' . "\n\n" . self::STOP,
            'ended before it was finished',
        ];
        yield 'not JSON' => [self::A . "data: {\n\n", 'expected a JSON object'];
        yield 'a list' => ["data: []\n\n", 'expected a JSON object'];
        yield 'an error' => [
            self::STOP . 'data: {"error":{"message":"no","type":"t","code":7}}' . "\n\n",
            '{"error":{"message":"no","type":"t","code":7}}',
        ];
        yield 'an error as a text' => ['data: {"error":"no"}' . "\n\n", '{"message":"no","type":"upstream_error"'];
        yield 'an event of type error' => ["event: error\ndata: boom\n\n", '"message":"boom"'];
    }

    /** The relay delivers the events before a failure, also of the same read. */
    public function testBeforeTheFailure(): void
    {
        $relay = new Relay(Format::Simple);
        self::assertSame('data: {"content":"A"}' . "\n\n", $relay->feed(self::A . "data: x\n\n" . self::A));
        self::assertSame(RelayState::Failed, $relay->state());
    }

    /** The openai format relays the whole chunk. Its line feeds become spaces. */
    public function testOpenAI(): void
    {
        $relay = new Relay(Format::OpenAI);
        self::assertSame(
            'data: {"a": 1.0, "choices":[]}' . "\n\n",
            $relay->feed("data: {\"a\": 1.0,\ndata: \"choices\":[]}\n\n"),
        );
    }

    /** Heartbeats are not messages. */
    public function testHeartbeats(): void
    {
        $relay = new Relay(Format::Simple);
        $relay->feed(self::A);
        self::assertFalse($relay->answered());
        $relay->feed(self::STOP . ": beat\n\ndata:\n\nevent: ping\ndata: x\n\n");
        self::assertTrue($relay->answered());
        self::assertSame(2, $relay->messages());
    }
}
