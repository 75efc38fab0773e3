<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\ReadableStream;
use Amp\ByteStream\ReadableStreamIteratorAggregate;
use Amp\Cancellation;
use Amp\DeferredFuture;
use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Http2\Stream;

/**
 * The response on one HTTP/2 stream. The connection's fiber adds the received bytes, and the
 * exchange's fiber takes them. Only taking them widens the API's window (U6).
 *
 * @implements \IteratorAggregate<int, string>
 */
final class Http2Body implements ReadableStream, \IteratorAggregate
{
    use ReadableStreamIteratorAggregate;

    private bool $closed = false;
    private readonly Signal $changed;
    private readonly DeferredFuture $onClose;

    public function __construct(private readonly Stream $stream)
    {
        $this->changed = new Signal();
        $this->onClose = new DeferredFuture();
        $stream->onChange($this->changed->fire(...));
    }

    /**
     * @throws \StreamingDaemon\Problem|\StreamingDaemon\Unprocessed when the stream failed before the head
     * @throws \Amp\CancelledException
     */
    public function head(Cancellation $cancellation): ApiAnswer
    {
        while (($head = $this->stream->head()) === null) {
            if (($failure = $this->stream->failure()) !== null) {
                throw $failure;
            }
            $this->changed->wait($cancellation);
        }
        return $head;
    }

    public function read(?Cancellation $cancellation = null): ?string
    {
        for (;;) {
            $bytes = $this->stream->take();
            if ($bytes !== '') {
                return $bytes;
            }
            $failure = $this->stream->failure();
            if ($failure !== null) {
                throw new BrokenException($failure->getMessage());
            }
            if ($this->stream->isOver()) {
                return null;
            }
            $this->changed->wait($cancellation);
        }
    }

    public function isReadable(): bool
    {
        return !$this->closed && !$this->stream->isOver();
    }

    /**
     * Ends the exchange with the API, by RST_STREAM unless the stream has ended (U5).
     *
     * @param bool $suspect the API was silent for too long; a connection that was silent too opens no
     *     new streams
     */
    public function close(bool $suspect = false): void
    {
        if (!$this->closed) {
            $this->closed = true;
            $this->stream->cancel($suspect);
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
