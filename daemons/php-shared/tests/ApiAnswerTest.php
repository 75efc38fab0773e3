<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Redactor;

/** Tests of the client's answer for a response that is not an event stream (R5, S2). */
final class ApiAnswerTest extends TestCase
{
    public function testEventStreams(): void
    {
        self::assertTrue((new ApiAnswer(200, ['content-type' => 'Text/Event-Stream; charset=UTF-8']))->isEventStream());
        $encoded = new ApiAnswer(200, ['content-type' => 'text/event-stream', 'content-encoding' => 'gzip']);
        self::assertFalse($encoded->isEventStream());
        self::assertSame('unexpected_encoding', $encoded->problem()->errorCode);
        self::assertFalse((new ApiAnswer(204, []))->isEventStream());
    }

    /**
     * @dataProvider problems
     * @param array<string, string> $headers
     */
    public function testProblem(int $status, array $headers, string $body, int $expected, string $response): void
    {
        $problem = (new ApiAnswer($status, $headers))->problem($body);
        self::assertSame($expected, $problem->status);
        self::assertStringContainsString($response, $problem->response());
    }

    /** @return iterable<string, array{int, array<string, string>, string, int, string}> */
    public static function problems(): iterable
    {
        $json = '{"error":{"message":"slow down","type":"rate","code":"r"}}';
        yield 'its own 4xx' => [422, [], $json, 422, $json];
        yield 'Retry-After' => [429, ['retry-after' => '7'], $json, 429, "\r\nRetry-After: 7\r\n"];
        yield 'not JSON' => [404, [], '<html>', 404, 'expected status 200 from the API, found 404'];
        yield 'the daemon\'s key' => [401, [], $json, 502, 'upstream_status_401'];
        yield '5xx' => [503, ['retry-after' => '3'], $json, 502, "\r\nRetry-After: 3\r\n"];
        yield 'a redirect' => [307, ['location' => 'x'], '', 502, 'upstream_status_307'];
        $type = ['content-type' => 'application/json'];
        yield 'JSON for a stream' => [200, $type, '{}', 502, 'unexpected_content_type'];
    }

    public function testHeadersCannotBeSplit(): void
    {
        $answer = new ApiAnswer(429, ['retry-after' => "1\r\nX: y"]);
        self::assertStringNotContainsString('Retry-After', $answer->problem()->response());
    }

    public function testTheKeyIsRemoved(): void
    {
        $problem = (new ApiAnswer(400, []))->problem('{"error":{"message":"bad sk-1","type":"sk-1","code":"sk-1"}}');
        self::assertStringNotContainsString('sk-1', $problem->redacted(new Redactor('sk-1'))->response());
    }
}
