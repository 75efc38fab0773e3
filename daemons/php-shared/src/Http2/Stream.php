<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Incoming;

/** One request and its response on a connection: what the connection has to remember of it. */
final class Stream implements Incoming
{
    /** Headers that only make sense between two hops (RFC 9113, section 8.2.2). */
    private const PER_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

    /** Bytes taken and not yet given back to the stream's window. */
    public int $owed = 0;

    private ?ApiAnswer $head = null;
    private string $waiting = '';
    private bool $over = false;
    private ?\Throwable $failure = null;
    private ?\Closure $tell = null;

    /** Bytes of the body still to come, where Content-Length told. */
    private ?int $missing = null;

    public function __construct(
        private readonly Connection $connection,
        public readonly int $id,
        /** What of the request's body has not been sent. */
        public string $unsent,
        /** How much the API lets the stream send, in bytes. */
        public int $window,
        /** How much the API had sent on the connection before the stream was opened, in bytes. */
        public readonly int $receivedBefore,
    ) {
    }

    /** @param \Closure(): void $tell called after something arrived, or the stream came to its end */
    public function onChange(\Closure $tell): void
    {
        $this->tell = $tell;
    }

    public function changed(): void
    {
        $tell = $this->tell;
        if ($this->over) {
            $this->tell = null;
        }
        if ($tell !== null) {
            $tell();
        }
    }

    public function head(): ?ApiAnswer
    {
        return $this->head;
    }

    public function take(): string
    {
        [$bytes, $this->waiting] = [$this->waiting, ''];
        $this->connection->giveBack($this, strlen($bytes));
        return $bytes;
    }

    public function isOver(): bool
    {
        return $this->over;
    }

    public function failure(): ?\Throwable
    {
        return $this->failure;
    }

    public function cancel(bool $suspect = false): void
    {
        if (!$this->over) {
            $this->over = true;
            $this->tell = null;
            $this->connection->reset($this, ErrorCode::Cancel, $suspect);
        }
    }

    /**
     * The response's headers; informational ones change nothing.
     *
     * @param list<array{string, string}> $fields
     * @throws \UnexpectedValueException when they are malformed (section 8.1.1)
     */
    public function receiveHeaders(array $fields, bool $last): void
    {
        if ($this->head !== null) {
            if (!$last) {
                throw new \UnexpectedValueException('headers in the middle of the answer');
            }
            return; // trailers
        }
        $headers = [];
        foreach ($fields as [$name, $value]) {
            if (preg_match('/[^\x21-\x7e]|[A-Z]/', $name) || in_array($name, self::PER_HOP, true)) {
                throw new \UnexpectedValueException('a header that HTTP/2 does not know');
            }
            if ($name === 'content-length' && ($headers[$name] ?? $value) !== $value) {
                throw new \UnexpectedValueException('two lengths');
            }
            $headers[$name] ??= $value;
        }
        $status = $headers[':status'] ?? '';
        if (!preg_match('/^[1-9][0-9]{2}$/D', $status)) {
            throw new \UnexpectedValueException('no status');
        }
        if ($status[0] === '1') {
            if ($last) {
                throw new \UnexpectedValueException('an informational response that ends the answer');
            }
            return;
        }
        $length = $headers['content-length'] ?? null;
        if ($length !== null && !preg_match('/^[0-9]{1,15}$/D', $length)) {
            throw new \UnexpectedValueException('a length that is no number');
        }
        $this->missing = $length === null ? null : (int) $length;
        $this->head = new ApiAnswer((int) $status, $headers);
    }

    /** @throws \UnexpectedValueException */
    public function receiveData(string $bytes): void
    {
        if ($this->head === null) {
            throw new \UnexpectedValueException('a body without a head');
        }
        if ($this->missing !== null) {
            $this->missing -= strlen($bytes);
            if ($this->missing < 0) {
                throw new \UnexpectedValueException('a body longer than its length');
            }
        }
        $this->waiting .= $bytes;
        if (strlen($this->waiting) + $this->owed > Settings::STREAM_WINDOW) {
            throw new \UnexpectedValueException('more than its window admits');
        }
    }

    /** @throws \UnexpectedValueException */
    public function receiveEnd(): void
    {
        if ($this->head === null || ($this->missing ?? 0) > 0) {
            throw new \UnexpectedValueException('a body shorter than its length, or no answer');
        }
        $this->over = true;
    }

    /** Nothing more will come, and something is missing. */
    public function fail(\Throwable $why): void
    {
        if (!$this->over) {
            $this->over = true;
            $this->failure = $why;
        }
    }
}
