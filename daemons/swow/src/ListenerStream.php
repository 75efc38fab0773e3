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
    /**
     * @return resource readable when a peer has connected; it shares the listener's socket
     * @throws UsageError where /proc does not show the socket
     */
    public static function of(string $path)
    {
        $inode = self::inode($path);
        foreach (scandir('/proc/self/fd') ?: [] as $number) {
            if (@readlink("/proc/self/fd/$number") === "socket:[$inode]") {
                return fopen("php://fd/$number", 'r') ?: throw new UsageError("descriptor $number cannot be watched");
            }
        }
        throw new UsageError("$path is not to be found in /proc/self/fd: is /proc mounted?");
    }

    private static function inode(string $path): string
    {
        foreach (file('/proc/net/unix', FILE_IGNORE_NEW_LINES) ?: [] as $line) {
            // Num RefCount Protocol Flags Type St Inode Path
            $fields = preg_split('/ +/', $line, 8) ?: [];
            if (($fields[7] ?? '') === $path) {
                return $fields[6];
            }
        }
        throw new UsageError("$path is not to be found in /proc/net/unix: is /proc mounted?");
    }
}
