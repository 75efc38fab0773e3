<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Revolt\EventLoop;
use Revolt\EventLoop\Driver\StreamSelectDriver;
use StreamingDaemon\Options;

/**
 * How many clients there is room for, and what is done in time for when there is none.
 *
 * With epoll (EpollDriver) or an extension that Revolt knows, the limits are the system's.
 * select(), which is all that a PHP without ext-ffi has, knows no descriptor above 1023. With
 * it the process is held to that many, so that what does not fit is refused where it comes in
 * (L4), and fewer clients are taken.
 */
final class Limits
{
    private const SELECT_LIMIT = 1024;

    /** For the daemon itself, peers on their way in, and connections to the API that idle. */
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
        // Over HTTP/1.1 each client takes a connection to the API as well.
        $shared = $options->api->http2 && $options->api->tls && $options->api->socket === null;
        $room = intdiv(self::SELECT_LIMIT - self::RESERVE, $shared ? 1 : 2);
        return new self(min($options->maxConnections, $room));
    }

    /**
     * A class is a file until it is needed for the first time, and by then there may be
     * no descriptor left to read it by.
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
