<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/**
 * Header compression (RFC 7541) for one connection.
 *
 * The decoder supports all of HPACK, with the dynamic table. The encoder writes literals that do not
 * enter a table, for three reasons. A request has few headers. The API's key must not be in a table
 * (7.1.3). And an encoder without state cannot get out of step.
 */
final class Hpack
{
    private const TABLE_SIZE = 4096;
    private const ENTRY_OVERHEAD = 32;

    /** The static table of appendix A: names and values, from index 1. */
    private const STATIC = [
        1 => [':authority', ''], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'],
        [':scheme', 'http'], [':scheme', 'https'], [':status', '200'], [':status', '204'], [':status', '206'],
        [':status', '304'], [':status', '400'], [':status', '404'], [':status', '500'], ['accept-charset', ''],
        ['accept-encoding', 'gzip, deflate'], ['accept-language', ''], ['accept-ranges', ''], ['accept', ''],
        ['access-control-allow-origin', ''], ['age', ''], ['allow', ''], ['authorization', ''],
        ['cache-control', ''], ['content-disposition', ''], ['content-encoding', ''], ['content-language', ''],
        ['content-length', ''], ['content-location', ''], ['content-range', ''], ['content-type', ''],
        ['cookie', ''], ['date', ''], ['etag', ''], ['expect', ''], ['expires', ''], ['from', ''], ['host', ''],
        ['if-match', ''], ['if-modified-since', ''], ['if-none-match', ''], ['if-range', ''],
        ['if-unmodified-since', ''], ['last-modified', ''], ['link', ''], ['location', ''], ['max-forwards', ''],
        ['proxy-authenticate', ''], ['proxy-authorization', ''], ['range', ''], ['referer', ''],
        ['refresh', ''], ['retry-after', ''], ['server', ''], ['set-cookie', ''],
        ['strict-transport-security', ''], ['transfer-encoding', ''], ['user-agent', ''], ['vary', ''],
        ['via', ''], ['www-authenticate', ''],
    ];

    /** @var list<array{string, string}> the dynamic table, the newest entry first */
    private array $table = [];
    private int $size = 0;
    private int $maxSize = self::TABLE_SIZE;

    private string $block = '';
    private int $at = 0;

    /** @param array<string, string> $headers by lower-case name, pseudo-headers first */
    public static function encode(array $headers): string
    {
        $block = '';
        foreach ($headers as $name => $value) {
            // A literal that is never indexed, with a new name (6.2.3).
            $block .= "\x10" . self::string((string) $name) . self::string($value);
        }
        return $block;
    }

    /**
     * @return list<array{string, string}> names and values, in order
     * @throws ProtocolError after which the decoder is out of step with the API
     */
    public function decode(string $block): array
    {
        $this->block = $block;
        $this->at = 0;
        $headers = [];
        while ($this->at < strlen($block)) {
            $byte = ord($block[$this->at]);
            if ($byte & 0x80) {
                $headers[] = $this->entry($this->integer(7));
            } elseif ($byte & 0x40) {
                $headers[] = $header = $this->literal(6);
                $this->add($header);
            } elseif ($byte & 0x20) {
                if ($headers !== []) {
                    throw self::error('expected the table\'s size before the headers');
                }
                $this->resize($this->integer(5));
            } else {
                $headers[] = $this->literal(4);
            }
        }
        return $headers;
    }

    /** @return array{string, string} */
    private function literal(int $prefix): array
    {
        $index = $this->integer($prefix);
        $name = $index === 0 ? $this->readString() : $this->entry($index)[0];
        return [$name, $this->readString()];
    }

    /** @return array{string, string} */
    private function entry(int $index): array
    {
        return self::STATIC[$index]
            ?? $this->table[$index - count(self::STATIC) - 1]
            ?? throw self::error("expected an index in the tables, found $index");
    }

    /** @param array{string, string} $header */
    private function add(array $header): void
    {
        array_unshift($this->table, $header);
        $this->size += self::sizeOf($header);
        $this->evict();
    }

    private function resize(int $size): void
    {
        if ($size > self::TABLE_SIZE) {
            throw self::error('expected a table of at most 4096 bytes');
        }
        $this->maxSize = $size;
        $this->evict();
    }

    private function evict(): void
    {
        while ($this->size > $this->maxSize) {
            $oldest = array_pop($this->table) ?? throw new \LogicException('expected size 0 of an empty table');
            $this->size -= self::sizeOf($oldest);
        }
    }

    /** @param array{string, string} $header */
    private static function sizeOf(array $header): int
    {
        return strlen($header[0]) + strlen($header[1]) + self::ENTRY_OVERHEAD;
    }

    /** Reads an integer (5.1) whose first byte has this many bits of it. */
    private function integer(int $prefix): int
    {
        $mask = (1 << $prefix) - 1;
        $value = $this->byte() & $mask;
        if ($value < $mask) {
            return $value;
        }
        for ($shift = 0; $shift <= 28; $shift += 7) {
            $byte = $this->byte();
            $value += ($byte & 0x7f) << $shift;
            if ($byte < 0x80) {
                return $value;
            }
        }
        throw self::error('an integer is too large');
    }

    private function readString(): string
    {
        $huffman = (ord($this->block[$this->at] ?? "\0") & 0x80) !== 0;
        $length = $this->integer(7);
        if ($length > strlen($this->block) - $this->at) {
            throw self::error('a string is cut off');
        }
        $bytes = substr($this->block, $this->at, $length);
        $this->at += $length;
        return $huffman ? Huffman::decode($bytes) : $bytes;
    }

    private function byte(): int
    {
        if ($this->at >= strlen($this->block)) {
            throw self::error('the headers are cut off');
        }
        return ord($this->block[$this->at++]);
    }

    private static function string(string $text): string
    {
        $length = strlen($text);
        if ($length < 0x7f) {
            return chr($length) . $text;
        }
        $prefix = "\x7f";
        for ($rest = $length - 0x7f; $rest >= 0x80; $rest >>= 7) {
            $prefix .= chr($rest & 0x7f | 0x80);
        }
        return $prefix . chr($rest) . $text;
    }

    private static function error(string $message): ProtocolError
    {
        return new ProtocolError(ErrorCode::CompressionError, $message);
    }
}
