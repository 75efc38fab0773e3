<?php

declare(strict_types=1);

namespace StreamingDaemon;

use Socket;

/**
 * One message on a SEQPACKET socket: the data, and with it the client's socket.
 *
 * Whatever descriptors arrive are ours from the moment recvmsg returns. PHP wraps each
 * in an object or a resource that closes it when it is dropped, so what is not kept
 * here is closed: the message goes out of scope on every path.
 */
final class Handoff
{
    /**
     * More than the 212,960 bytes that the kernel's default send buffer lets through.
     * A sender with a larger message is told so (413).
     */
    private const MAX_DATA = 256 << 10;

    /** What the kernel lets one message carry (SCM_MAX_FD). */
    private const MAX_DESCRIPTORS = 253;

    private function __construct(
        public readonly Client $client,
        public readonly string $data,
        /** The message was larger than MAX_DATA, and its tail is lost. */
        public readonly bool $truncated,
    ) {
    }

    /**
     * Takes the one message that a peer sends; null while there is none. Never waits.
     * The peer is then of no more use, and to be closed.
     *
     * @throws Dropped when there is no client to serve
     */
    public static function receive(Socket $peer): ?self
    {
        $message = [
            'buffer_size' => self::MAX_DATA,
            'controllen' => socket_cmsg_space(SOL_SOCKET, SCM_RIGHTS, self::MAX_DESCRIPTORS),
        ];
        do {
            socket_clear_error();
            $received = @socket_recvmsg($peer, $message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
            $error = socket_last_error();
        } while ($received === false && $error === SOCKET_EINTR);
        if ($received === false) {
            return match ($error) {
                SOCKET_EAGAIN => null,
                SOCKET_ECONNRESET => throw new Dropped('the peer left without a handoff', quiet: true),
                default => throw new Dropped('recvmsg: ' . socket_strerror($error)),
            };
        }
        $descriptors = self::descriptors($message['control'] ?? []);
        if ($message['flags'] & MSG_CTRUNC) {
            throw new Dropped('descriptors were lost on the way (MSG_CTRUNC)');
        }
        if ($descriptors === []) {
            throw $received === 0
                ? new Dropped('the peer left without a handoff', quiet: true)
                : new Dropped('the message carries no descriptor');
        }
        // The first descriptor decides; any other is closed unseen.
        $client = $descriptors[0] instanceof Socket ? Client::adopt($descriptors[0]) : null;
        if ($client === null) {
            throw new Dropped('the descriptor is no connected stream socket');
        }
        return new self($client, $message['iov'][0] ?? '', (bool) ($message['flags'] & MSG_TRUNC));
    }

    /** What to serve, or the problem to answer with (H3). */
    public function job(): Job
    {
        return $this->truncated ? throw Problem::handoffTooLarge() : Job::fromData($this->data);
    }

    /**
     * Other control messages may stand in front of the descriptors.
     *
     * @param list<array{level: int, type: int, data: mixed}> $control
     * @return list<Socket|resource>
     */
    private static function descriptors(array $control): array
    {
        $descriptors = [];
        foreach ($control as ['level' => $level, 'type' => $type, 'data' => $data]) {
            if ($level === SOL_SOCKET && $type === SCM_RIGHTS) {
                array_push($descriptors, ...$data);
            }
        }
        return $descriptors;
    }
}
