<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Format;
use StreamingDaemon\Relay;
use StreamingDaemon\RelayState;

/** What the client is sent for the API's bytes, and when the answer is whole. */
final class RelayTest extends TestCase
{
    private const A = 'data: {"choices":[{"index":0,"delta":{"content":"A"}}]}' . "\n\n";
    private const STOP = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}' . "\n\n";

    /** @dataProvider whole */
    public function testWhole(string $stream, string $sent): void
    {
        $relay = new Relay(Format::Simple);
        $out = $relay->feed($stream);
        $out .= $relay->state() === RelayState::Running ? $relay->end() : '';
        self::assertSame(RelayState::Finished, $relay->state());
        self::assertSame($sent, $out);
    }

    /** @return iterable<string, array{string, string}> */
    public static function whole(): iterable
    {
        $a = 'data: {"content":"A"}' . "\n\n";
        yield '[DONE]' => [self::A . "data: [DONE]\n\n" . self::A, $a];
        yield 'a finish, then the end' => [self::A . self::STOP, $a];
        yield 'a last event without its blank line' => [self::A . rtrim(self::STOP), $a];
        yield 'other types of events' => ["event: ping\ndata: x\n\n" . self::A . "data: [DONE]\n\n", $a];
        yield 'an error that is null' => ['data: {"error":null,"choices":[]}' . "\n\ndata: [DONE]\n\n", ''];
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
        $relay = new Relay(Format::Simple);
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
        yield 'nothing' => ['', 'ended before it was finished'];
        yield 'no finish' => [self::A, 'ended before it was finished'];
        yield 'one of two choices' => [
            'data: {"choices":[{"index":1,"delta":{}}]}' . "\n\n" . self::STOP,
            'ended before it was finished',
        ];
        yield 'no JSON' => [self::A . "data: {\n\n", 'is not a JSON object'];
        yield 'a list' => ["data: []\n\n", 'is not a JSON object'];
        yield 'an error' => [
            self::STOP . 'data: {"error":{"message":"no","type":"t","code":7}}' . "\n\n",
            '{"error":{"message":"no","type":"t","code":7}}',
        ];
        yield 'an error as a text' => ['data: {"error":"no"}' . "\n\n", '{"message":"no","type":"upstream_error"'];
        yield 'an event of type error' => ["event: error\ndata: boom\n\n", '"message":"boom"'];
        yield 'a content that is no text' => ['data: {"choices":[{"delta":{"content":5}}]}' . "\n\n", 'not a string'];
    }

    /** What came before a failure, in the same read, is the client's all the same. */
    public function testBeforeTheFailure(): void
    {
        $relay = new Relay(Format::Simple);
        self::assertSame('data: {"content":"A"}' . "\n\n", $relay->feed(self::A . "data: x\n\n" . self::A));
        self::assertSame(RelayState::Failed, $relay->state());
    }

    /** The API's chunk is relayed whole; line feeds in it are white space. */
    public function testOpenAI(): void
    {
        $relay = new Relay(Format::OpenAI);
        self::assertSame(
            'data: {"a": 1.0, "choices":[]}' . "\n\n",
            $relay->feed("data: {\"a\": 1.0,\ndata: \"choices\":[]}\n\n"),
        );
    }

    /** Comments are no messages, and a whole answer is known to be one. */
    public function testHeartbeats(): void
    {
        $relay = new Relay(Format::Simple);
        $relay->feed(self::A);
        self::assertFalse($relay->answered());
        $relay->feed(self::STOP . ": beat\n\n");
        self::assertTrue($relay->answered());
        self::assertSame(2, $relay->messages());
    }
}
