<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** JSON in the one way it is read and written here. */
final class Json
{
    /** Deeper than any request or chunk goes, and no danger to the stack. */
    private const DEPTH = 4096;

    /**
     * An escape of half a surrogate pair, which JSON allows and which is no character.
     * The first branches step over what is whole: an escaped backslash, a pair.
     */
    private const LONE_SURROGATE =
        '/\\\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2})(*SKIP)(*FAIL)'
        . '|\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}/';

    /**
     * Objects become arrays. Lone surrogates become U+FFFD: json_decode refuses them.
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
