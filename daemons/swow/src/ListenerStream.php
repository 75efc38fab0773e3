<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\UsageError;

/**
 * A listening SEQPACKET socket as a stream that Swow can poll.
 *
 * Swow waits for streams, and makes none of a socket of this kind. PHP makes one of any
 * descriptor, if it is told the number, which ext-sockets keeps to itself: the kernel
 * knows it, by the socket's path.
 */
final class ListenerStream
{
    /** The flag of a listening socket, __SO_ACCEPTCON, as /proc/net/unix shows it. */
    private const ACCEPTS = '00010000';

    /**
     * @return resource readable when a peer has connected; it shares the listener's socket
     * @throws UsageError where /proc does not show the socket
     */
    public static function of(string $path)
    {
        $links = array_map(static fn (string $inode): string => "socket:[$inode]", self::listeners($path));
        foreach (scandir('/proc/self/fd') ?: [] as $number) {
            if (in_array(@readlink("/proc/self/fd/$number"), $links, true)) {
                return fopen("php://fd/$number", 'r') ?: throw new UsageError("descriptor $number cannot be watched");
            }
        }
        throw new UsageError("$path cannot be found in /proc: is it mounted?");
    }

    /** @return list<string> the inodes of the sockets that listen there, or did before the file was replaced */
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
