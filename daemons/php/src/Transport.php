<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\StreamException;
use Amp\Cancellation;
use Amp\Socket\ClientTlsContext;
use Amp\Socket\ConnectContext;
use Amp\Socket\ConnectException;
use Amp\Socket\DnsSocketConnector;
use Amp\Socket\ResourceSocket;
use Revolt\EventLoop;
use StreamingDaemon\Api;

use function Amp\delay;

/**
 * The byte stream of a connection, with or without TLS. amphp/socket connects and does the TLS
 * handshake. This class reads and writes itself, for two reasons:
 *
 * - A PHP stream reports a reset as an end of file, so this class reads plain connections with
 *   socket_recv(). Under TLS it reports a cut as an end of file too: PHP makes OpenSSL ignore a
 *   missing close_notify. Where it matters, lookForCloseNotify() checks the records in the kernel's
 *   buffer before OpenSSL reads them.
 * - send() never waits, so the daemon can read a response while it sends the request.
 */
final class Transport
{
    private const READ_SIZE = 64 << 10;
    private const WRITE_SIZE = 16 << 10;

    /** Seconds between attempts to connect to a Unix socket whose backlog is full. */
    private const FULL_PAUSE = 0.02;

    /** How many bytes of records to check. An alert is short, and is alone or follows a session ticket. */
    private const PEEK_SIZE = 1 << 10;

    private const ALERT = 21;
    private const APPLICATION_DATA = 23;

    /** The size of an encrypted alert of TLS 1.3: two bytes, their real type, and the authentication tag. */
    private const ENCRYPTED_ALERT_SIZE = 19;

    /** @var resource */
    private $stream;
    private readonly Readiness $readable;
    private readonly string $writable;
    private string $unsent = '';
    private bool $open = true;
    /** Distinguish an end from a cut. HTTP/2 does not need it, because each stream has its own end. */
    private readonly bool $watchesEnd;
    /** The latest checked records contain an alert. */
    private bool $alerted = false;
    private int $received = 0;

    private function __construct(
        // The owner closes the stream on destruction, so keep a reference.
        private readonly ResourceSocket $owner,
        private readonly \Socket $socket,
        private readonly bool $tls,
    ) {
        $this->stream = $owner->getResource();
        @socket_set_option($this->socket, SOL_TCP, TCP_NODELAY, 1);
        stream_set_chunk_size($this->stream, self::READ_SIZE);
        $this->watchesEnd = $tls && $this->protocol() !== 'h2';
        $this->readable = Readiness::toRead($this->stream);
        $this->writable = EventLoop::disable(EventLoop::onWritable($this->stream, $this->flush(...)));
    }

    /**
     * @param list<string> $protocols the protocols to offer by ALPN
     * @throws StreamException|\Amp\CancelledException
     */
    public static function connect(Api $api, array $protocols, Cancellation $cancellation): self
    {
        $context = (new ConnectContext())->withConnectTimeout(1e6); // the cancellation limits the time
        $tls = $api->tls && $api->socket === null;
        if ($tls) {
            $verified = (new ClientTlsContext($api->peerName()))->withApplicationLayerProtocols($protocols);
            $verified = $api->caFile === null ? $verified : $verified->withCaFile($api->caFile);
            $context = $context->withTlsContext($api->insecure ? $verified->withoutPeerVerification() : $verified);
        }
        $address = $api->socket === null ? "tcp://$api->host:$api->port" : "unix://$api->socket";
        $owner = self::dial($address, $context, $cancellation);
        // PHP cannot return the socket of a stream with TLS, so get it before the handshake.
        $socket = socket_import_stream($owner->getResource());
        if ($socket === false) {
            throw new BrokenException('expected a socket of the connection');
        }
        if ($tls) {
            $owner->setupTls($cancellation);
        }
        return new self($owner, $socket, $tls);
    }

    private static function dial(string $address, ConnectContext $context, Cancellation $cancellation): ResourceSocket
    {
        for (;;) {
            try {
                $socket = (new DnsSocketConnector())->connect($address, $context, $cancellation);
                assert($socket instanceof ResourceSocket);
                return $socket;
            } catch (ConnectException $error) {
                // The backlog of a Unix socket is full. The kernel reports no event when it has room,
                // so retry. Only the text of the exception has the error.
                if (!str_contains($error->getMessage(), socket_strerror(SOCKET_EAGAIN))) {
                    throw $error;
                }
                delay(self::FULL_PAUSE, cancellation: $cancellation);
            }
        }
    }

    /** Returns the protocol that ALPN has chosen, or null. */
    public function protocol(): ?string
    {
        return $this->tls ? stream_get_meta_data($this->stream)['crypto']['alpn_protocol'] ?? null : null;
    }

    /** Returns how many bytes were read. */
    public function received(): int
    {
        return $this->received;
    }

    public function isOpen(): bool
    {
        return $this->open;
    }

    /**
     * Reports whether the connection is open, and has neither unread bytes nor an end of file.
     */
    public function isQuiet(): bool
    {
        return $this->open && @socket_recv($this->socket, $byte, 1, MSG_PEEK | MSG_DONTWAIT) === false
            && socket_last_error($this->socket) === SOCKET_EAGAIN
            && (!$this->tls || ($this->readTls() === '' && !feof($this->stream)));
    }

    /**
     * Waits for the next bytes. Each read takes a turn of the loop, so a fast API does not block other
     * fibers. No read leaves bytes in OpenSSL, which the loop could not see: OpenSSL reads one record
     * at a time, and READ_SIZE is larger than a record.
     *
     * @return string|null null at a clean end
     * @throws BrokenException when the connection broke or was cut
     * @throws \Amp\CancelledException
     */
    public function read(?Cancellation $cancellation = null): ?string
    {
        do {
            $this->readable->wait($cancellation);
            if (!$this->open) {
                throw new BrokenException('the connection was closed');
            }
            $bytes = $this->tls ? $this->readTls() : $this->readPlain();
        } while ($bytes === '');
        $this->received += strlen($bytes ?? '');
        return $bytes;
    }

    /** Sends in the background. After a failure, read() returns the received bytes and then reports it. */
    public function send(string $bytes): void
    {
        $idle = $this->unsent === '';
        $this->unsent .= $bytes;
        if ($idle && $bytes !== '' && $this->open) {
            $this->flush();
        }
    }

    public function close(): void
    {
        if ($this->open) {
            $this->open = false;
            EventLoop::cancel($this->writable);
            $this->readable->close();
            $this->owner->close();
            if (is_resource($this->stream)) {
                fclose($this->stream);
            }
        }
    }

    /** @return string|null '' when no bytes have arrived */
    private function readPlain(): ?string
    {
        $count = @socket_recv($this->socket, $bytes, self::READ_SIZE, MSG_DONTWAIT);
        if ($count === false) {
            return match ($error = socket_last_error($this->socket)) {
                SOCKET_EAGAIN, SOCKET_EINTR => '',
                default => throw new BrokenException(socket_strerror($error)),
            };
        }
        return $count === 0 ? null : $bytes;
    }

    /** @return string|null '' when no bytes have arrived */
    private function readTls(): ?string
    {
        if ($this->watchesEnd) {
            $this->lookForCloseNotify();
        }
        error_clear_last();
        $bytes = @fread($this->stream, self::READ_SIZE);
        if ($bytes !== false && $bytes !== '') {
            return $bytes;
        }
        if (!feof($this->stream)) {
            // After a session ticket, feof() makes OpenSSL read further. The loop does not see these
            // bytes, so read them now.
            return (string) @fread($this->stream, self::READ_SIZE);
        }
        $error = error_get_last();
        if ($error !== null || ($this->watchesEnd && !$this->alerted)) {
            throw new BrokenException($error['message'] ?? 'TLS ended without close_notify');
        }
        return null;
    }

    /**
     * Checks the unread records for an alert. OpenSSL reads one record at a time, and returns
     * application data as soon as it has some. So if it next reports the end, the end is clean if the
     * records contain an alert. An alert about an error is an error of OpenSSL.
     */
    private function lookForCloseNotify(): void
    {
        $records = '';
        $this->alerted = false;
        if (@socket_recv($this->socket, $records, self::PEEK_SIZE, MSG_PEEK | MSG_DONTWAIT) === false) {
            return;
        }
        for ($at = 0; $at + 5 <= strlen((string) $records); $at += 5 + $size) {
            $type = ord($records[$at]);
            $size = ord($records[$at + 3]) << 8 | ord($records[$at + 4]);
            $encrypted = $type === self::APPLICATION_DATA && $size === self::ENCRYPTED_ALERT_SIZE;
            if (($type === self::ALERT || $encrypted) && $at + 5 + $size <= strlen($records)) {
                $this->alerted = true;
            }
        }
    }

    private function flush(): void
    {
        for ($at = 0; $at < strlen($this->unsent); $at += $sent) {
            // OpenSSL requires the same bytes again after a failed write.
            $piece = substr($this->unsent, $at, self::WRITE_SIZE);
            error_clear_last();
            $sent = $this->tls
                ? (int) @fwrite($this->stream, $piece)
                : (int) @socket_send($this->socket, $piece, strlen($piece), MSG_DONTWAIT | MSG_NOSIGNAL);
            if ($sent === 0) {
                break;
            }
        }
        $this->unsent = substr($this->unsent, $at);
        if ($this->unsent !== '' && !$this->sendingFailed()) {
            EventLoop::enable($this->writable);
            return;
        }
        $this->unsent = '';
        EventLoop::disable($this->writable);
    }

    private function sendingFailed(): bool
    {
        if (!$this->tls) {
            return !in_array(socket_last_error($this->socket), [SOCKET_EAGAIN, SOCKET_EINTR], true);
        }
        $error = error_get_last();
        return $error !== null && !str_contains($error['message'], 'Resource temporarily unavailable');
    }
}
