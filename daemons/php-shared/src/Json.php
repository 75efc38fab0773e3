<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The JSON decoder and encoder, with the options that all classes use. */
final class Json
{
    /** Deeper than any known request or chunk, and safe for the stack. */
    private const DEPTH = 4096;

    /**
     * Matches the escape of a lone surrogate, which JSON allows and PHP refuses. The first branches
     * skip an escaped backslash and a complete pair.
     */
    private const LONE_SURROGATE =
        '/\\\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2})(*SKIP)(*FAIL)'
        . '|\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}/';

    /**
     * Decodes objects to arrays. Replaces lone surrogates by U+FFFD, because json_decode refuses them.
     *
     * @throws \JsonException
     */
    public static function decode(string $json): mixed
    {
        try {
            return json_decode($json, true, self::DEPTH, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
        } catch (\JsonException $error) {
            if ($error->getCode() !== JSON_ERROR_UTF16) {
                throw $error;
            }
        }
        $whole = (string) preg_replace(self::LONE_SURROGATE, '\\ufffd', $json);
        return json_decode($whole, true, self::DEPTH, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
    }

    /** @throws \JsonException */
    public static function encode(mixed $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE
            | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_LINE_TERMINATORS | JSON_PRESERVE_ZERO_FRACTION);
    }
}
