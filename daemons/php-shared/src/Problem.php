<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * A failure in the words that the client is given.
 *
 * Before the first byte it becomes a whole response (R5), after it the last event (R6).
 * Every failure a daemon knows has a constructor here; a runtime maps its own errors to them.
 */
final class Problem extends \RuntimeException
{
    private ResponseHeaders $headers;

    public function __construct(
        string $message,
        /** Of an error response. */
        public readonly int $status,
        public readonly string $type,
        public readonly string|int|float|null $errorCode,
        public readonly ?string $retryAfter = null,
    ) {
        parent::__construct($message);
        $this->headers = new ResponseHeaders();
    }

    public static function invalidHandoff(string $what): self
    {
        return new self($what, 400, 'invalid_request_error', 'invalid_handoff');
    }

    public static function handoffTooLarge(): self
    {
        return new self('the handoff data is larger than 256 KiB', 413, 'invalid_request_error', 'handoff_too_large');
    }

    public static function tooManyConnections(): self
    {
        return new self('too many streams are running', 503, 'overloaded_error', 'max_connections');
    }

    public static function shuttingDown(): self
    {
        return new self('the daemon is shutting down', 503, 'overloaded_error', 'shutting_down');
    }

    /** No connection, a broken one, or an answer that is no HTTP: before any answer. */
    public static function unreachable(): self
    {
        $message = 'the API could not be reached, or broke off before its answer';
        return new self($message, 502, 'upstream_error', 'upstream_unreachable');
    }

    public static function connectTimeout(): self
    {
        return self::late('the API could not be reached in time');
    }

    public static function firstByteTimeout(): self
    {
        return self::late('the API did not begin to answer in time');
    }

    public static function idleTimeout(): self
    {
        return self::late('the API fell silent');
    }

    /** The stream was cut, by the connection or by its framing. */
    public static function brokenOff(): self
    {
        return self::broken('the API\'s answer broke off');
    }

    /** The stream ended cleanly, too early. */
    public static function incomplete(): self
    {
        return self::broken('the API\'s answer ended before it was finished');
    }

    /** The stream cannot be understood. */
    public static function broken(string $what): self
    {
        return new self($what, 502, 'upstream_error', 'upstream_broken');
    }

    /** The same, answered with these headers as well. */
    public function with(ResponseHeaders $headers): self
    {
        $this->headers = $headers;
        return $this;
    }

    /** The same without the API's key, which an API may echo in the text of an error (S2). */
    public function redacted(Redactor $redactor): self
    {
        return (new self(
            $redactor->redact($this->getMessage()),
            $this->status,
            $redactor->redact($this->type),
            is_string($this->errorCode) ? $redactor->redact($this->errorCode) : $this->errorCode,
            $this->retryAfter,
        ))->with($this->headers);
    }

    /** The last event of a stream that has begun. */
    public function event(): string
    {
        return "data: {$this->json()}\n\n";
    }

    /** The response in place of a stream that never began. */
    public function response(): string
    {
        $body = $this->json() . "\n";
        $own = [
            ['Content-Type', 'application/json'],
            ['Cache-Control', 'no-cache'],
            ['Connection', 'close'],
            ['Content-Length', (string) strlen($body)],
        ];
        if ($this->retryAfter !== null) {
            $own[] = ['Retry-After', $this->retryAfter];
        }
        return $this->headers->head($this->status, $own) . $body;
    }

    private static function late(string $what): self
    {
        return new self($what, 504, 'timeout_error', 'upstream_timeout');
    }

    private function json(): string
    {
        return Json::encode(['error' => [
            'message' => $this->getMessage(),
            'type' => $this->type,
            'code' => $this->errorCode,
        ]]);
    }
}
