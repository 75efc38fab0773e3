<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole\Http2;

use StreamingDaemon\Swoole\Condition;
use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Swoole\Reply;

/** One request and its response on a connection: what the connection has to remember of it. */
final class Stream extends Reply
{
    /** Headers that only make sense between two hops (RFC 9113, section 8.2.2). */
    private const PER_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

    /** Bytes taken by the exchange and not yet given back to the stream's window. */
    public int $owed = 0;

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
        Condition $condition,
    ) {
        parent::__construct($condition);
    }

    /**
     * The response's headers; informational ones change nothing.
     *
     * @param list<array{string, string}> $fields
     * @throws \UnexpectedValueException when they are malformed (section 8.1.1)
     */
    public function receiveHeaders(array $fields, bool $last): void
    {
        if ($this->begun()) {
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
            $headers[$name] = isset($headers[$name]) ? "$headers[$name], $value" : $value;
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
        if ($length !== null) {
            if (!preg_match('/^[0-9]{1,15}$/D', $length)) {
                throw new \UnexpectedValueException('a length that is no number');
            }
            $this->missing = (int) $length;
        }
        $this->begin(new ApiAnswer((int) $status, $headers));
    }

    /** @throws \UnexpectedValueException */
    public function receiveData(string $bytes): void
    {
        if (!$this->begun()) {
            throw new \UnexpectedValueException('a body without a head');
        }
        if ($this->missing !== null) {
            $this->missing -= strlen($bytes);
            if ($this->missing < 0) {
                throw new \UnexpectedValueException('a body longer than its length');
            }
        }
        $this->deliver($bytes);
    }

    /** @throws \UnexpectedValueException */
    public function receiveEnd(): void
    {
        if (!$this->begun() || ($this->missing ?? 0) > 0) {
            throw new \UnexpectedValueException('a body shorter than its length, or no answer');
        }
        $this->finish();
    }

    protected function consumed(int $bytes): void
    {
        $this->connection->giveBack($this, $bytes);
    }

    protected function abandon(bool $suspect): void
    {
        $this->connection->reset($this, ErrorCode::Cancel, $suspect);
    }
}
