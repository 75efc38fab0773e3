<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Revolt\EventLoop;
use Revolt\EventLoop\Driver\StreamSelectDriver;
use StreamingDaemon\Options;

/**
 * The limit on clients, and the preparation for a process without free descriptors.
 *
 * With epoll (EpollDriver), or an extension that Revolt supports, the system's limits apply. PHP
 * without ext-ffi has only select(), which does not support descriptors above 1023. This class then
 * limits the process to that number, so that accept() fails first (L4), and reduces the number of
 * clients.
 */
final class Limits
{
    private const SELECT_LIMIT = 1024;

    /** The descriptors for the daemon itself, for connecting peers and for idle connections to the API. */
    private const RESERVE = 64;

    private function __construct(public readonly int $maxConnections)
    {
    }

    public static function find(Options $options): self
    {
        if (!EventLoop::getDriver() instanceof StreamSelectDriver) {
            return new self($options->maxConnections);
        }
        $limits = posix_getrlimit();
        if (!is_int($limits['soft openfiles'] ?? null) || $limits['soft openfiles'] > self::SELECT_LIMIT) {
            $hard = $limits['hard openfiles'] ?? 'unlimited';
            $hard = is_int($hard) ? $hard : POSIX_RLIMIT_INFINITY;
            posix_setrlimit(POSIX_RLIMIT_NOFILE, self::SELECT_LIMIT, $hard);
        }
        // Over HTTP/1.1 each client also needs a connection to the API.
        $shared = $options->api->http2 && $options->api->tls && $options->api->socket === null;
        $room = intdiv(self::SELECT_LIMIT - self::RESERVE, $shared ? 1 : 2);
        return new self(min($options->maxConnections, $room));
    }

    /**
     * Loads all classes. Loading a class opens a file, which later may fail without a free descriptor.
     */
    public static function loadClasses(): void
    {
        $shared = __DIR__ . '/../../php-shared/src';
        foreach ([__DIR__, __DIR__ . '/Loop', $shared, "$shared/Http2"] as $folder) {
            foreach (glob("$folder/*.php") ?: [] as $file) {
                require_once $file;
            }
        }
        array_map(class_exists(...), [
            \Amp\ByteStream\ClosedException::class,
            \Amp\ByteStream\ReadableBuffer::class,
            \Amp\ByteStream\ReadableResourceStream::class,
            \Amp\ByteStream\WritableResourceStream::class,
            \Amp\CancelledException::class,
            \Amp\CompositeCancellation::class,
            \Amp\CompositeException::class,
            \Amp\DeferredCancellation::class,
            \Amp\DeferredFuture::class,
            \Amp\Http\Client\BufferedContent::class,
            \Amp\Http\Client\Internal\ResponseBodyStream::class,
            \Amp\Http\Client\Request::class,
            \Amp\Http\Client\Response::class,
            \Amp\Http\Client\Trailers::class,
            \Amp\Http\Http1\Rfc7230::class,
            \Amp\Http\HttpStatus::class,
            \Amp\Http\InvalidHeaderException::class,
            \Amp\NullCancellation::class,
            \Amp\Socket\ClientTlsContext::class,
            \Amp\Socket\ConnectContext::class,
            \Amp\Socket\ConnectException::class,
            \Amp\Socket\DnsSocketConnector::class,
            \Amp\Socket\InternetAddress::class,
            \Amp\Socket\ResourceSocket::class,
            \Amp\Socket\TlsException::class,
            \Amp\Socket\TlsInfo::class,
            \Amp\Socket\TlsState::class,
            \Amp\Socket\UnixAddress::class,
            \Amp\TimeoutCancellation::class,
            \Amp\TimeoutException::class,
        ]);
    }
}
