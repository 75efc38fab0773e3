<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Http1Response;

/** Tests of the parser of HTTP/1.1 responses, with the bytes cut in pieces of several sizes. */
final class Http1ResponseTest extends TestCase
{
    private const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    /** @dataProvider responses */
    public function testResponse(string $bytes, string $body, bool $reusable, bool $closed = false): void
    {
        foreach ([1, 7, strlen($bytes)] as $size) {
            $response = new Http1Response();
            $received = '';
            foreach (str_split($bytes, $size) as $piece) {
                $received .= $response->feed($piece);
            }
            if ($closed) {
                self::assertFalse($response->complete());
                $response->end();
            }
            self::assertTrue($response->complete());
            self::assertSame($body, $received);
            self::assertSame(200, $response->head()?->status);
            self::assertSame($reusable, $response->reusable());
        }
    }

    /** @return iterable<string, array{string, string, bool, 3?: bool}> */
    public static function responses(): iterable
    {
        $ok = "HTTP/1.1 200 OK\r\n";
        yield 'chunks' => [self::CHUNKED . "3\r\nabc\r\n2;x=\"y\"\r\nde\r\n000\r\n\r\n", 'abcde', true];
        yield 'trailers' => [self::CHUNKED . "1\r\na\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n", 'a', true];
        yield 'a length' => [$ok . "Content-Length: 3\r\n\r\nabc", 'abc', true];
        yield 'no body' => [$ok . "Content-Length: 0\r\n\r\n", '', true];
        yield 'the same length twice' => [$ok . "Content-Length: 1\r\ncontent-length: 1\r\n\r\na", 'a', true];
        yield 'the connection\'s end' => [$ok . "\r\nabc", 'abc', false, true];
        yield 'HTTP/1.0' => ["HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 'a', false];
        yield 'close' => [$ok . "Connection: x, Close\r\nContent-Length: 1\r\n\r\na", 'a', false];
        yield 'both framings' => [
            $ok . "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 'a', false,
        ];
        yield 'informational responses' => [
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n{$ok}Content-Length: 1\r\n\r\na", 'a', true,
        ];
        yield 'a head of 16 KiB' => [
            $ok . 'Set-Cookie: ' . str_repeat('x', 16 << 10) . "\r\nContent-Length: 1\r\n\r\na", 'a', true,
        ];
        yield 'bytes after it' => [$ok . "Content-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\n", 'a', false];
    }

    /** @dataProvider malformed */
    public function testMalformed(string $bytes): void
    {
        $response = new Http1Response();
        $this->expectException(\UnexpectedValueException::class);
        $response->feed($bytes);
        $response->feed(''); // throws an error after a part of the body
        $response->end();
    }

    /** @return iterable<array{string}> */
    public static function malformed(): iterable
    {
        $ok = "HTTP/1.1 200 OK\r\n";
        yield ["HTTP/2 200 OK\r\n\r\n"];
        yield ["HTTP/1.1 20 OK\r\n\r\n"];
        yield ["HTTP/1.1 101 Switching\r\n\r\n"];
        yield [$ok . "no field\r\n\r\n"];
        yield [$ok . "A: b\r\n folded\r\n\r\n"];
        yield [$ok . "Bad Name: b\r\n\r\n"];
        yield [$ok . "Content-Length: -1\r\n\r\n"];
        yield [$ok . "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"];
        yield [$ok . "Transfer-Encoding: gzip, chunked\r\n\r\n"];
        yield [$ok . "Content-Length: 2\r\n\r\na"];
        yield [self::CHUNKED . "1\r\na\r\n"];
        yield [self::CHUNKED . "zz\r\na\r\n"];
        yield [self::CHUNKED . "1\na\r\n"];
        yield [self::CHUNKED . "1\r\nab\r\n"];
        yield [self::CHUNKED . "10000000000000001\r\na\r\n"];
        yield [self::CHUNKED . "0\r\nno field\r\n\r\n"];
        yield [$ok];
    }
}
