<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

/**
 * The decoder for HPACK's Huffman code (RFC 7541, appendix B).
 *
 * The code is canonical: codes of one length are consecutive, in the order of their symbols, and
 * longer codes follow shorter ones. So the lengths define the whole table.
 */
final class Huffman
{
    private const END_OF_STRING = 256;

    /** The length of each symbol's code, in bits: the bytes 0 to 255, and the end of the string. */
    private const LENGTHS = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
        28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
        6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
        8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
        15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
        23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
        23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
        26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
        21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
        27, 27, 26, 30,
    ];

    /** @var array<int, array<int, int>>|null the symbols, by the code's length and bits */
    private static ?array $symbols = null;

    /** @throws ProtocolError when the code is invalid */
    public static function decode(string $bytes): string
    {
        $symbols = self::$symbols ??= self::symbols();
        $text = '';
        $code = $length = 0;
        for ($at = 0, $end = strlen($bytes); $at < $end; ++$at) {
            $byte = ord($bytes[$at]);
            for ($bit = 7; $bit >= 0; --$bit) {
                $code = $code << 1 | $byte >> $bit & 1;
                $symbol = $symbols[++$length][$code] ?? null;
                if ($symbol === null) {
                    if ($length === 30) {
                        throw new ProtocolError(ErrorCode::CompressionError, 'expected a Huffman code in a string');
                    }
                    continue;
                }
                if ($symbol === self::END_OF_STRING) {
                    throw new ProtocolError(ErrorCode::CompressionError, 'expected no end symbol in a string');
                }
                $text .= chr($symbol);
                $code = $length = 0;
            }
        }
        // The rest must be padding: fewer than eight bits, all of them ones.
        if ($length > 7 || $code !== (1 << $length) - 1) {
            throw new ProtocolError(ErrorCode::CompressionError, 'expected a padding of ones in a string');
        }
        return $text;
    }

    /** @return array<int, array<int, int>> */
    private static function symbols(): array
    {
        $symbols = [];
        $code = 0;
        for ($length = 1; $length <= 30; ++$length) {
            $code <<= 1;
            $symbols[$length] = [];
            foreach (array_keys(self::LENGTHS, $length, true) as $symbol) {
                $symbols[$length][$code++] = $symbol;
            }
        }
        return $symbols;
    }
}
