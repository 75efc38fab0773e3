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
 * A connection's bytes, with or without TLS. amphp/socket connects and shakes hands;
 * reading and writing are done here, for two reasons:
 *
 * - An end is not always an end. To a PHP stream a reset looks like one, so plain
 *   connections are read by socket_recv(). Under TLS so does a cut: PHP has OpenSSL
 *   ignore a missing close_notify. Where it matters, lookForCloseNotify() looks at the
 *   records in the kernel's buffer before they are read.
 * - send() never waits. A request goes out while its answer may already come in.
 */
final class Transport
{
    private const READ_SIZE = 64 << 10;
    private const WRITE_SIZE = 16 << 10;

    /** Seconds between attempts to connect to a Unix socket whose backlog is full. */
    private const FULL_PAUSE = 0.02;

    /** How many bytes of records are looked at: an alert is short, and alone or behind a session ticket. */
    private const PEEK_SIZE = 1 << 10;

    private const ALERT = 21;
    private const APPLICATION_DATA = 23;

    /** An alert of TLS 1.3 in disguise: two bytes, their real type, and the authentication tag. */
    private const ENCRYPTED_ALERT_SIZE = 19;

    /** @var resource */
    private $stream;
    private readonly Readiness $readable;
    private readonly string $writable;
    private string $unsent = '';
    private bool $open = true;
    /** An end has to be told from a cut: but for HTTP/2, where each stream tells its own. */
    private readonly bool $watchesEnd;
    /** The records that were seen last hold an alert. */
    private bool $alerted = false;
    private int $received = 0;

    private function __construct(
        // It owns the stream, and would close it with itself.
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
     * @param list<string> $protocols to offer by ALPN
     * @throws StreamException|\Amp\CancelledException
     */
    public static function connect(Api $api, array $protocols, Cancellation $cancellation): self
    {
        $context = (new ConnectContext())->withConnectTimeout(1e6); // the cancellation bounds it
        $tls = $api->tls && $api->socket === null;
        if ($tls) {
            $verified = (new ClientTlsContext($api->peerName()))->withApplicationLayerProtocols($protocols);
            $verified = $api->caFile === null ? $verified : $verified->withCaFile($api->caFile);
            $context = $context->withTlsContext($api->insecure ? $verified->withoutPeerVerification() : $verified);
        }
        $where = $api->socket === null ? "tcp://$api->host:$api->port" : "unix://$api->socket";
        $owner = self::dial($where, $context, $cancellation);
        // Once there is TLS on it, PHP no longer tells the socket of a stream.
        $socket = socket_import_stream($owner->getResource());
        if ($socket === false) {
            throw new BrokenException('the connection has no socket');
        }
        if ($tls) {
            $owner->setupTls($cancellation);
        }
        return new self($owner, $socket, $tls);
    }

    private static function dial(string $where, ConnectContext $context, Cancellation $cancellation): ResourceSocket
    {
        for (;;) {
            try {
                $socket = (new DnsSocketConnector())->connect($where, $context, $cancellation);
                assert($socket instanceof ResourceSocket);
                return $socket;
            } catch (ConnectException $error) {
                // On a Unix socket: the API's backlog is full, and there is nothing to wait for but
                // time. The exception tells PHP's level of the error, and only its text the number.
                if (!str_contains($error->getMessage(), socket_strerror(SOCKET_EAGAIN))) {
                    throw $error;
                }
                delay(self::FULL_PAUSE, cancellation: $cancellation);
            }
        }
    }

    /** What ALPN has agreed on, if anything. */
    public function protocol(): ?string
    {
        return $this->tls ? stream_get_meta_data($this->stream)['crypto']['alpn_protocol'] ?? null : null;
    }

    /** How many bytes were read so far. */
    public function received(): int
    {
        return $this->received;
    }

    public function isOpen(): bool
    {
        return $this->open;
    }

    /**
     * Whether nothing at all has come that was not read: no answer that nobody asked
     * for, and no end.
     */
    public function isQuiet(): bool
    {
        return $this->open && @socket_recv($this->socket, $byte, 1, MSG_PEEK | MSG_DONTWAIT) === false
            && socket_last_error($this->socket) === SOCKET_EAGAIN
            && (!$this->tls || ($this->readTls() === '' && !feof($this->stream)));
    }

    /**
     * Waits for what comes next. Nobody else is held up by an API in full flow: there is
     * a turn of the loop before each read. And no read leaves anything behind for which
     * the loop would not tell: OpenSSL reads by the record, and READ_SIZE is more than one.
     *
     * @return string|null null at the end, if that is a clean one
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

    /** Sends in the background. If that fails, reading will tell, after what came before. */
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

    /** @return string|null '' when there is nothing yet */
    private function readPlain(): ?string
    {
        $got = @socket_recv($this->socket, $bytes, self::READ_SIZE, MSG_DONTWAIT);
        if ($got === false) {
            return match ($error = socket_last_error($this->socket)) {
                SOCKET_EAGAIN, SOCKET_EINTR => '',
                default => throw new BrokenException(socket_strerror($error)),
            };
        }
        return $got === 0 ? null : $bytes;
    }

    /** @return string|null '' when there is nothing yet */
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
            // Asking for the end has OpenSSL read on, where a session ticket was all that had come:
            // what it has now, the loop would not tell of.
            return (string) @fread($this->stream, self::READ_SIZE);
        }
        $error = error_get_last();
        if ($error !== null || ($this->watchesEnd && !$this->alerted)) {
            throw new BrokenException($error['message'] ?? 'TLS ended without close_notify');
        }
        return null;
    }

    /**
     * OpenSSL takes from the kernel one record at a time, and returns application data
     * as soon as it has any. So when it next reports the end, that end is a real one if
     * there was an alert among the records; an alert that tells of an error is an error.
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
            $disguised = $type === self::APPLICATION_DATA && $size === self::ENCRYPTED_ALERT_SIZE;
            if (($type === self::ALERT || $disguised) && $at + 5 + $size <= strlen($records)) {
                $this->alerted = true;
            }
        }
    }

    private function flush(): void
    {
        for ($at = 0; $at < strlen($this->unsent); $at += $sent) {
            // OpenSSL wants a write that did not succeed to be tried again as it was.
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
