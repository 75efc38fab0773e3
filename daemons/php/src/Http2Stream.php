<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\ReadableStream;
use Amp\ByteStream\ReadableStreamIteratorAggregate;
use Amp\Cancellation;
use Amp\DeferredFuture;

/**
 * One exchange on an HTTP/2 connection, and the body of its response.
 *
 * The connection's fiber puts in what arrives, the exchange's fiber takes it out. What
 * has not been taken out is not given back to the API as room in the window: a client
 * who stalls pauses his own stream at WINDOW bytes, and no other (U6).
 *
 * @implements \IteratorAggregate<int, string>
 */
final class Http2Stream implements ReadableStream, \IteratorAggregate
{
    use ReadableStreamIteratorAggregate;

    /** How much the API may send ahead of the client. */
    public const WINDOW = 128 << 10;

    /** What of the request's body has not been sent. */
    public string $unsent = '';
    /** The API has ended the response. */
    public bool $ended = false;
    /** @var array<string, list<string>>|null the response's head, with :status */
    private ?array $head = null;
    private string $ready = '';
    /** Bytes that the API may still send. */
    private int $window = self::WINDOW;
    /** Bytes of the window that were taken out, or were padding, and not given back yet. */
    private int $free = 0;
    private int $received = 0;
    private ?BrokenException $failure = null;
    private bool $closed = false;
    private readonly Signal $changed;
    private readonly DeferredFuture $onClose;

    public function __construct(
        public readonly int $id,
        private readonly Http2Connection $connection,
        /** Bytes that the API's window has room for. */
        public int $room,
    ) {
        $this->changed = new Signal();
        $this->onClose = new DeferredFuture();
    }

    /**
     * @return array<string, list<string>> with :status
     * @throws BrokenException|\Amp\CancelledException
     */
    public function head(Cancellation $cancellation): array
    {
        while ($this->head === null) {
            if ($this->failure !== null) {
                throw $this->failure;
            }
            $this->changed->wait($cancellation);
        }
        return $this->head;
    }

    public function read(?Cancellation $cancellation = null): ?string
    {
        while ($this->ready === '') {
            if ($this->failure !== null) {
                throw $this->failure;
            }
            if ($this->ended) {
                return null;
            }
            $this->changed->wait($cancellation);
        }
        $bytes = $this->ready;
        $this->ready = '';
        $this->giveBack(strlen($bytes));
        return $bytes;
    }

    public function isReadable(): bool
    {
        return !$this->closed && ($this->ready !== '' || !$this->ended && $this->failure === null);
    }

    /** Ends the exchange with the API, by RST_STREAM unless both sides have said all (U5). */
    public function close(): void
    {
        if (!$this->closed) {
            $this->closed = true;
            $this->ready = '';
            $this->connection->drop($this);
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

    /**
     * @param array<string, list<string>> $fields
     * @throws Http2Exception when they make the response malformed
     */
    public function takeHeaders(array $fields, bool $end): void
    {
        if ($this->ended || ($this->head !== null && !$end)) {
            throw new Http2Exception('a head that is not due');
        }
        if ($this->head !== null) {
            return; // trailers, which mean nothing
        }
        $status = $fields[':status'] ?? [];
        if (count($status) !== 1 || !preg_match('/^[1-5][0-9]{2}$/D', $status[0]) || $status[0] === '101') {
            throw new Http2Exception('a response without a status');
        }
        if ($status[0][0] !== '1') {
            $this->head = $fields;
            $this->changed->fire();
        } elseif ($end) {
            throw new Http2Exception('an informational response ended the stream');
        }
    }

    /** @param int $flow what it takes of the window: data and padding */
    public function takeData(string $data, int $flow): void
    {
        if ($this->ended || $this->head === null) {
            throw new Http2Exception('data that are not due');
        }
        $this->window -= $flow;
        if ($this->window < 0) {
            throw new Http2Exception('more data than the window has room for', Http2Exception::FLOW_CONTROL_ERROR);
        }
        $this->received += strlen($data);
        $this->ready .= $data;
        $this->giveBack($flow - strlen($data));
        if ($data !== '') {
            $this->changed->fire();
        }
    }

    /** @throws Http2Exception when the body is not as long as the head says */
    public function takeEnd(): void
    {
        $length = $this->head['content-length'][0] ?? null;
        if ($this->head === null || ($length !== null && $length !== (string) $this->received)) {
            throw new Http2Exception('a response that is not as long as it says');
        }
        $this->ended = true;
        $this->changed->fire();
    }

    /** What came before is read first. A response that has ended cannot fail any more. */
    public function fail(BrokenException $failure): void
    {
        if (!$this->ended) {
            $this->failure ??= $failure;
            $this->changed->fire();
        }
    }

    private function giveBack(int $bytes): void
    {
        $this->free += $bytes;
        if ($this->free >= self::WINDOW / 2 && !$this->ended && !$this->closed) {
            $this->connection->widen($this->id, $this->free);
            $this->window += $this->free;
            $this->free = 0;
        }
    }
}
