<?php

declare(strict_types=1);

namespace StreamingDaemon;

use Socket;

/**
 * A handoff is one message on a SEQPACKET socket: the handoff data, and the client's socket.
 *
 * The daemon owns every received descriptor from the moment recvmsg returns. PHP wraps each in an
 * object or a resource that closes it when it goes out of scope. So the daemon closes all
 * descriptors that a handoff does not keep.
 */
final class Handoff
{
    /**
     * The largest handoff data, in bytes. The kernel's default send buffer passes 212,960. A sender
     * can raise that buffer; a larger message gets a 413.
     */
    private const MAX_DATA = 256 << 10;

    /** The kernel's limit on the descriptors of one message (SCM_MAX_FD). */
    private const MAX_DESCRIPTORS = 253;

    private function __construct(
        public readonly Client $client,
        public readonly string $data,
        /** The message was larger than MAX_DATA, and its tail is lost. */
        public readonly bool $truncated,
    ) {
    }

    /**
     * Reads the one message that a peer sends, without waiting. Returns null if it has not arrived.
     * Close the peer after the message.
     *
     * @throws Dropped when the message does not hand over a client
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
                SOCKET_ECONNRESET => throw new Dropped('the peer closed without a handoff', quiet: true),
                default => throw new Dropped('recvmsg: ' . socket_strerror($error)),
            };
        }
        $descriptors = self::descriptors($message['control'] ?? []);
        if ($message['flags'] & MSG_CTRUNC) {
            throw new Dropped('the kernel dropped descriptors of the message (MSG_CTRUNC)');
        }
        if ($descriptors === []) {
            throw $received === 0
                ? new Dropped('the peer closed without a handoff', quiet: true)
                : new Dropped('expected a descriptor in the message, found none');
        }
        // Only the first descriptor counts. PHP closes the others.
        $client = $descriptors[0] instanceof Socket ? Client::adopt($descriptors[0]) : null;
        if ($client === null) {
            throw new Dropped('expected a connected stream socket, found another descriptor');
        }
        return new self($client, $message['iov'][0] ?? '', (bool) ($message['flags'] & MSG_TRUNC));
    }

    /** Returns the job, or throws the problem to answer with (H3). */
    public function job(): Job
    {
        return $this->truncated ? throw Problem::handoffTooLarge() : Job::fromData($this->data);
    }

    /**
     * Returns the message's descriptors. Other control messages may come first.
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
