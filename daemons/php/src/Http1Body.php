<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\ReadableStream;
use Amp\ByteStream\ReadableStreamIteratorAggregate;
use Amp\Cancellation;
use Amp\DeferredFuture;
use StreamingDaemon\Http1Response;

/**
 * The body of an HTTP/1.1 response. It reads from the connection only on demand, so a stalled client
 * pauses the API (U6).
 *
 * @implements \IteratorAggregate<int, string>
 */
final class Http1Body implements ReadableStream, \IteratorAggregate
{
    use ReadableStreamIteratorAggregate;

    private bool $closed = false;
    private readonly DeferredFuture $onClose;

    /**
     * @param string $ready the first bytes, which arrived with the head
     * @param \Closure(bool):void $end called at the end, with true if the connection is reusable
     */
    public function __construct(
        private readonly Transport $transport,
        private readonly Http1Response $http,
        private string $ready,
        private readonly \Closure $end,
    ) {
        $this->onClose = new DeferredFuture();
    }

    public function read(?Cancellation $cancellation = null): ?string
    {
        try {
            if ($this->ready === '') {
                $this->ready = $this->http->feed(''); // throws an error that followed the latest bytes
            }
            while ($this->ready === '' && !$this->http->complete()) {
                $bytes = $this->transport->read($cancellation);
                $this->ready = $this->http->feed((string) $bytes);
                if ($bytes === null) {
                    $this->http->end();
                }
            }
        } catch (\UnexpectedValueException $error) {
            throw new BrokenException($error->getMessage());
        }
        $bytes = $this->ready;
        $this->ready = '';
        return $bytes === '' ? null : $bytes;
    }

    public function isReadable(): bool
    {
        return !$this->closed && !($this->http->complete() && $this->ready === '');
    }

    /** Ends the exchange with the API, by closing the connection unless the response is complete (U5). */
    public function close(): void
    {
        if (!$this->closed) {
            $this->closed = true;
            ($this->end)($this->http->reusable());
            $this->onClose->complete();
        }
    }

    public function isClosed(): bool
    {
        return $this->closed;
    }

    public function onClose(\Closure $onClose): void
    {
        $this->onClose->getFuture()->finally($onClose)->ignore();
    }
}
