<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/**
 * The check that distinguishes a clean end of a TLS connection from a cut.
 *
 * PHP's streams report both as an end of file, but only the first is authenticated. A body that only
 * the connection's end ends is complete only if the API sent close_notify (R4). That is an alert, and
 * the last record on the wire. Its content is encrypted, but its size is visible.
 */
final class TlsRecords
{
    private const HEADER = 5;
    private const ALERT = 21;
    private const APPLICATION_DATA = 23;

    /** The size of an encrypted alert of TLS 1.3: two bytes, its real type, and the tag. */
    private const ALERT_SIZE = 2 + 1 + 16;

    /** @param string $raw the bytes on the wire, from the start of a record to the end of the connection */
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
