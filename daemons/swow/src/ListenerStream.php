<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\UsageError;

/**
 * A stream of a listening SEQPACKET socket, which Swow can poll.
 *
 * Swow waits for streams, and does not make a stream of such a socket. PHP makes a stream of any
 * descriptor with a known number. ext-sockets does not expose the number, so this class finds it in
 * /proc by the socket's path.
 */
final class ListenerStream
{
    /** The flag of a listening socket, __SO_ACCEPTCON, in the form of /proc/net/unix. */
    private const ACCEPTS = '00010000';

    /**
     * @return resource readable when a peer has connected; it shares the listener's socket
     * @throws UsageError when /proc does not have the socket
     */
    public static function of(string $path)
    {
        $links = array_map(static fn (string $inode): string => "socket:[$inode]", self::listeners($path));
        foreach (scandir('/proc/self/fd') ?: [] as $number) {
            if (in_array(@readlink("/proc/self/fd/$number"), $links, true)) {
                return fopen("php://fd/$number", 'r') ?: throw new UsageError("cannot open descriptor $number");
            }
        }
        throw new UsageError("expected $path in /proc, found nothing: is /proc mounted?");
    }

    /** @return list<string> the inodes of the sockets that listen on the path, also of a predecessor's socket */
    private static function listeners(string $path): array
    {
        $inodes = [];
        foreach (file('/proc/net/unix', FILE_IGNORE_NEW_LINES) ?: [] as $line) {
            // Num RefCount Protocol Flags Type St Inode Path
            $fields = preg_split('/ +/', $line, 8) ?: [];
            if (($fields[7] ?? '') === $path && $fields[3] === self::ACCEPTS) {
                $inodes[] = $fields[6];
            }
        }
        return $inodes;
    }
}
