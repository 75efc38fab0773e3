<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Event;
use StreamingDaemon\EventParser;
use StreamingDaemon\Problem;

/** Tests of the parser of server-sent events, with the bytes cut at each place. */
final class EventParserTest extends TestCase
{
    /**
     * @dataProvider streams
     * @param list<array{string, string}> $events
     */
    public function testEvents(string $stream, array $events): void
    {
        self::assertSame($events, self::parse([$stream]), 'whole');
        self::assertSame($events, self::parse(str_split($stream)), 'octet by octet');
        for ($at = 1; $at < strlen($stream); ++$at) {
            self::assertSame($events, self::parse([substr($stream, 0, $at), substr($stream, $at)]), "cut at $at");
        }
    }

    /** @return iterable<string, array{string, list<array{string, string}>}> */
    public static function streams(): iterable
    {
        yield 'an event' => ["data: a\n\n", [['', 'a']]];
        yield 'each line end' => ["data: a\r\rdata: b\r\n\r\ndata: c\n\n", [['', 'a'], ['', 'b'], ['', 'c']]];
        yield 'one space belongs to the colon' => ["data:a\n\ndata:  b\n\n", [['', 'a'], ['', ' b']]];
        yield 'several lines' => ["data: a\ndata\ndata: b\n\n", [['', "a\n\nb"]]];
        yield 'an empty line of data' => ["data\n\n", [['', '']]];
        yield 'a type, for one event' => ["event: ping\ndata: a\n\ndata: b\n\n", [['ping', 'a'], ['', 'b']]];
        yield 'a type without data is not an event' => ["event: ping\n\ndata: b\n\n", [['', 'b']]];
        yield 'an error event without data' => ["event: error\n\ndata: b\n\n", [['error', ''], ['', 'b']]];
        yield 'an error event with empty data' => ["event: error\ndata:\n\n", [['error', '']]];
        yield 'an error field' => ["error: {\"a\":1}\n\ndata: b\n\n", [['error', '{"a":1}'], ['', 'b']]];
        yield 'an error field before data' => ["error: a\nevent: x\ndata: [DONE]\n\n", [['error', 'a']]];
        yield 'an empty error field' => ["error\n\n", [['error', '']]];
        yield 'comments and other fields' => [": hi\nid: 1\nretry: 5\nfoo: x\ndata: a\n\n:\n\n", [['', 'a']]];
        yield 'a byte order mark, once' => ["\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [['', 'a']]];
        yield 'no closing blank line' => ["data: a\n\ndata: b", [['', 'a'], ['', 'b']]];
        yield 'code points' => ["data: 😀é\n\n", [['', '😀é']]];
    }

    /** An event does not wait for the line feed that may follow its last CR. */
    public function testPrompt(): void
    {
        $parser = new EventParser();
        self::assertCount(1, iterator_to_array($parser->feed("data: a\r\n\r")));
        self::assertCount(0, iterator_to_array($parser->feed("\n")));
    }

    public function testBound(): void
    {
        $parser = new EventParser();
        iterator_to_array($parser->feed('data: ' . str_repeat('x', EventParser::MAX_EVENT - 6)));
        $this->expectException(Problem::class);
        iterator_to_array($parser->feed('y'));
    }

    /**
     * @param list<string> $pieces
     * @return list<array{string, string}>
     */
    private static function parse(array $pieces): array
    {
        $parser = new EventParser();
        $events = [];
        foreach ($pieces as $piece) {
            array_push($events, ...iterator_to_array($parser->feed($piece), false));
        }
        $last = $parser->flush();
        return array_map(
            static fn (Event $event): array => [$event->kind, $event->data],
            $last === null ? $events : [...$events, $last],
        );
    }
}
