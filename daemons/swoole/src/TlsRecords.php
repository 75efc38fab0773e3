<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/**
 * Tells the end of a TLS connection from a cut.
 *
 * PHP's streams report both as the end of the file, though only one of them is
 * authenticated: where nothing frames a body but the end of the connection, the answer
 * was complete only if the API sent close_notify (R4). That is an alert, the last
 * record on the wire. Its content is encrypted, its size is not.
 */
final class TlsRecords
{
    private const HEADER = 5;
    private const ALERT = 21;
    private const APPLICATION_DATA = 23;

    /** An alert of TLS 1.3 in disguise: its two bytes, its true type, and the tag. */
    private const ALERT_SIZE = 2 + 1 + 16;

    /** @param string $raw what was on the wire, from the start of a record to the end of the connection */
    public static function endWithAlert(string $raw): bool
    {
        $type = $length = 0;
        for ($at = 0, $end = strlen($raw); $at < $end; $at += self::HEADER + $length) {
            if ($end - $at < self::HEADER) {
                return false;
            }
            ['type' => $type, 'length' => $length] = unpack('Ctype/nversion/nlength', $raw, $at);
        }
        if ($at !== $end) {
            return false;
        }
        return $type === self::ALERT || ($type === self::APPLICATION_DATA && $length <= self::ALERT_SIZE);
    }
}
