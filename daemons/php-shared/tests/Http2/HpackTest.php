<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests\Http2;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Http2\Hpack;
use StreamingDaemon\Http2\ProtocolError;

/** Tests with the examples of RFC 7541, appendix C, and with malformed header blocks. */
final class HpackTest extends TestCase
{
    /** C.6: responses with Huffman coding, on one connection with a table of 256 bytes. */
    public function testResponsesOnOneConnection(): void
    {
        $hpack = new Hpack();
        $hpack->decode("\x3f\xe1\x01"); // the table's size becomes 256
        $first = $this->decode($hpack, '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0'
            . '82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3');
        $common = [
            ['cache-control', 'private'],
            ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
            ['location', 'https://www.example.com'],
        ];
        self::assertSame([[':status', '302'], ...$common], $first);
        self::assertSame([[':status', '307'], ...$common], $this->decode($hpack, '4883 640e ffc1 c0bf'));
        $third = $this->decode($hpack, '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab'
            . '77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5'
            . 'b106 3d50 07');
        self::assertSame([
            [':status', '200'],
            ['cache-control', 'private'],
            ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
            ['location', 'https://www.example.com'],
            ['content-encoding', 'gzip'],
            ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
        ], $third);
    }

    /** C.2.1 to C.2.4: each representation of a header. */
    public function testRepresentations(): void
    {
        $custom = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572';
        self::assertSame([['custom-key', 'custom-header']], $this->decode(new Hpack(), $custom));
        $path = '040c 2f73 616d 706c 652f 7061 7468';
        self::assertSame([[':path', '/sample/path']], $this->decode(new Hpack(), $path));
        $secret = '1008 7061 7373 776f 7264 0673 6563 7265 74';
        self::assertSame([['password', 'secret']], $this->decode(new Hpack(), $secret));
        self::assertSame([[':method', 'GET']], $this->decode(new Hpack(), '82'));
    }

    public function testDecodesEncodedHeaders(): void
    {
        $headers = [':method' => 'POST', 'authorization' => 'Bearer ' . str_repeat('k', 5000), 'x-empty' => ''];
        $pairs = array_map(null, array_keys($headers), array_values($headers));
        self::assertSame($pairs, (new Hpack())->decode(Hpack::encode($headers)));
    }

    /** The API's key must not be in a table (RFC 7541, 7.1.3). */
    public function testEncodedHeadersAreNeverIndexed(): void
    {
        self::assertSame("\x10\x01a\x01b\x10\x01c\x01d", Hpack::encode(['a' => 'b', 'c' => 'd']));
    }

    /** @dataProvider malformed */
    public function testMalformed(string $hex): void
    {
        $this->expectException(ProtocolError::class);
        $this->decode(new Hpack(), $hex);
    }

    /** @return array<string, array{string}> */
    public static function malformed(): array
    {
        return [
            'index 0' => ['80'],
            'an index beyond the tables' => ['be'],
            'a string cut off' => ['400a 6375'],
            'an integer without an end' => ['ff ffff ffff ffff ff'],
            'a table larger than allowed' => ['3f e2 1f'],
            'a table that changes after a header' => ['82 20'],
            'padding of zeros' => ['4001 6181 18'],
            'padding of a byte' => ['4001 6182 1fff'],
        ];
    }

    /** @return list<array{string, string}> */
    private function decode(Hpack $hpack, string $hex): array
    {
        return $hpack->decode((string) hex2bin(str_replace(' ', '', $hex)));
    }
}
