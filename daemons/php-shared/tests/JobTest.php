<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Job;
use StreamingDaemon\Problem;

/** Tests of the job: the API's request with the values of the handoff data, or a 400 that names the wrong field. */
final class JobTest extends TestCase
{
    /** @dataProvider requests */
    public function testRequest(string $data, string $body): void
    {
        self::assertSame($body, Job::fromData($data)->body);
    }

    /** @return iterable<string, array{string, string}> */
    public static function requests(): iterable
    {
        $user = '"messages":[{"role":"user","content":"x"}]';
        yield 'prompt' => ['{"prompt":"x"}', '{"model":"gpt-4o-mini",' . $user . ',"stream":true}'];
        yield 'escapes are kept' => [
            '{"prompt":"\u00e9\/\ud800\"{}[],"}',
            '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"\u00e9\/\ud800\"{}[],"}],"stream":true}',
        ];
        yield 'system comes first' => [
            '{"prompt":"x","system":"s","model":"m"}',
            '{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"x"}],"stream":true}',
        ];
        yield 'messages win, unchanged' => [
            '{"prompt":"y","messages": [ {"role":"user","content":[{"type":"text"}]} ] }',
            '{"model":"gpt-4o-mini","messages":[ {"role":"user","content":[{"type":"text"}]} ],"stream":true}',
        ];
        yield 'an empty list of messages is absent' => [
            '{"prompt":"x","messages":[]}',
            '{"model":"gpt-4o-mini",' . $user . ',"stream":true}',
        ];
        yield 'null is absent' => [
            '{"prompt":"x","model":null,"max_tokens":null,"body":null}',
            '{"model":"gpt-4o-mini",' . $user . ',"stream":true}',
        ];
        yield 'numbers digit for digit' => [
            '{"prompt":"x","max_tokens":0,"temperature":1.0,"user_id":12345678901234567890}',
            '{"model":"gpt-4o-mini",' . $user
                . ',"max_tokens":0,"temperature":1.0,"user":12345678901234567890,"stream":true}',
        ];
        yield 'a user with a name' => [
            '{"prompt":"x","user_id":"u-7"}',
            '{"model":"gpt-4o-mini",' . $user . ',"user":"u-7","stream":true}',
        ];
        yield 'body is merged' => [
            '{"prompt":"x","body":{"model":"b","seed":1e400,"tools":{},"stream":false,"0":[1 , 2]}}',
            '{"model":"b",' . $user . ',"seed":1e400,"tools":{},"stream":true,"0":[1 , 2]}',
        ];
    }

    /** @dataProvider refusals */
    public function testRefusal(string $data, string $reason): void
    {
        try {
            Job::fromData($data);
            self::fail('expected a Problem, found a job');
        } catch (Problem $problem) {
            self::assertSame(400, $problem->status);
            self::assertStringContainsString($reason, $problem->getMessage());
        }
    }

    /** @return iterable<array{string, string}> */
    public static function refusals(): iterable
    {
        yield ['', 'handoff data: expected valid JSON'];
        yield ["\0", 'expected valid JSON'];
        yield ['{"prompt":"x"', 'expected valid JSON'];
        yield ["{\"prompt\":\"\xff\"}", 'expected valid JSON'];
        yield ['["prompt"]', 'expected a JSON object'];
        yield ['{"prompt":"a","prompt":"b"}', 'found "prompt" twice'];
        yield ['{}', 'expected prompt or messages'];
        yield ['{"prompt":"x","user_id":[7]}', 'user_id: expected a string or a number'];
        yield ['{"prompt":1}', 'prompt: expected a string'];
        yield ['{"prompt":"x","max_tokens":1.5}', 'max_tokens: expected an integer'];
        yield ['{"prompt":"x","temperature":"1"}', 'temperature: expected a number'];
        yield ['{"prompt":"x","body":[]}', 'body: expected an object'];
        yield ['{"messages":["x"]}', 'messages[0]: expected an object'];
        yield ['{"messages":[{"content":"x"}]}', 'messages[0]: expected a role'];
        yield ['{"messages":[{"role":"user","content":{}}]}', 'messages[0].content: expected a string or'];
        yield ['{"messages":[{"role":"user","content":["x"]}]}', 'messages[0].content: expected a list of objects'];
        yield ['{"prompt":"x","test_pattern":"a\r\nb"}', 'test_pattern: expected a string without control'];
        yield ['{"prompt":"x","request_id":1}', 'request_id: expected a string'];
    }

    public function testResponseHeadersAreAddedToErrorsToo(): void
    {
        $headers = '{"X-A":"1","content-TYPE":"x","Bad Name":"x","X-B":"a\r\nX-C: d","X-D":5,"X-E":"é"}';
        $head = Job::fromData('{"prompt":"x","response_headers":' . $headers . '}')->headers->streamHead();
        self::assertSame(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            . "Connection: close\r\nX-Accel-Buffering: no\r\nX-A: 1\r\nX-E: é\r\n\r\n",
            $head,
        );
        try {
            Job::fromData('{"response_headers":' . $headers . '}');
            self::fail('expected a Problem, found a job');
        } catch (Problem $problem) {
            self::assertStringContainsString("\r\nX-A: 1\r\nX-E: é\r\n\r\n{\"error\":", $problem->response());
        }
    }
}
