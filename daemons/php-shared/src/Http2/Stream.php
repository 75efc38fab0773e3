<?php

declare(strict_types=1);

namespace StreamingDaemon\Http2;

use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Incoming;

/** A stream of a connection: one request and its response. */
final class Stream implements Incoming
{
    /** Headers of HTTP/1.1 connections, which HTTP/2 forbids (RFC 9113, section 8.2.2). */
    private const PER_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

    /** Taken bytes for which the stream's window was not yet widened. */
    public int $owed = 0;

    private ?ApiAnswer $head = null;
    private string $waiting = '';
    private bool $over = false;
    private ?\Throwable $failure = null;
    private ?\Closure $notify = null;

    /** The missing bytes of the body, if there is a Content-Length. */
    private ?int $missing = null;

    public function __construct(
        private readonly Connection $connection,
        public readonly int $id,
        /** The unsent rest of the request's body. */
        public string $unsent,
        /** The API's window for the stream, in bytes. */
        public int $window,
        /** How many bytes the connection had received before the stream was opened. */
        public readonly int $receivedBefore,
    ) {
    }

    /** @param \Closure(): void $notify called after bytes have arrived, or the stream has ended */
    public function onChange(\Closure $notify): void
    {
        $this->notify = $notify;
    }

    public function changed(): void
    {
        $notify = $this->notify;
        if ($this->over) {
            $this->notify = null;
        }
        if ($notify !== null) {
            $notify();
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
            $this->notify = null;
            $this->connection->reset($this, ErrorCode::Cancel, $suspect);
        }
    }

    /**
     * Receives the response's headers. Informational ones change nothing.
     *
     * @param list<array{string, string}> $fields
     * @throws \UnexpectedValueException when the headers are malformed (section 8.1.1)
     */
    public function receiveHeaders(array $fields, bool $last): void
    {
        if ($this->head !== null) {
            if (!$last) {
                throw new \UnexpectedValueException('expected END_STREAM on trailers');
            }
            return; // trailers
        }
        $headers = [];
        foreach ($fields as [$name, $value]) {
            if (preg_match('/[^\x21-\x7e]|[A-Z]/', $name) || in_array($name, self::PER_HOP, true)) {
                throw new \UnexpectedValueException('expected header names that are valid in HTTP/2');
            }
            if ($name === 'content-length' && ($headers[$name] ?? $value) !== $value) {
                throw new \UnexpectedValueException('expected one content-length, found two');
            }
            $headers[$name] ??= $value;
        }
        $status = $headers[':status'] ?? '';
        if (!preg_match('/^[1-9][0-9]{2}$/D', $status)) {
            throw new \UnexpectedValueException('expected a status of three digits');
        }
        if ($status[0] === '1') {
            if ($last) {
                throw new \UnexpectedValueException('expected a response after the informational one');
            }
            return;
        }
        $length = $headers['content-length'] ?? null;
        if ($length !== null && !preg_match('/^[0-9]{1,15}$/D', $length)) {
            throw new \UnexpectedValueException('expected a number as content-length');
        }
        $this->missing = $length === null ? null : (int) $length;
        $this->head = new ApiAnswer((int) $status, $headers);
    }

    /** @throws \UnexpectedValueException */
    public function receiveData(string $bytes): void
    {
        if ($this->head === null) {
            throw new \UnexpectedValueException('expected a head before the body');
        }
        if ($this->missing !== null) {
            $this->missing -= strlen($bytes);
            if ($this->missing < 0) {
                throw new \UnexpectedValueException('the body is longer than its content-length');
            }
        }
        $this->waiting .= $bytes;
        if (strlen($this->waiting) + $this->owed > Settings::STREAM_WINDOW) {
            throw new \UnexpectedValueException('the API sent more than the window allows');
        }
    }

    /** @throws \UnexpectedValueException */
    public function receiveEnd(): void
    {
        if ($this->head === null || ($this->missing ?? 0) > 0) {
            throw new \UnexpectedValueException('the response is shorter than its content-length, or has no head');
        }
        $this->over = true;
    }

    /** Ends the stream with a failure, unless it has ended. */
    public function fail(\Throwable $why): void
    {
        if (!$this->over) {
            $this->over = true;
            $this->failure = $why;
        }
    }
}
