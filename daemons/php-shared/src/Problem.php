<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * A failure as the client receives it.
 *
 * Before the first byte it is a complete response (R5), after it the last event (R6). This class has
 * a constructor for each known failure. A runtime converts its own errors to them.
 */
final class Problem extends \RuntimeException
{
    private ResponseHeaders $headers;

    public function __construct(
        string $message,
        /** The HTTP status of an error response. */
        public readonly int $status,
        public readonly string $type,
        public readonly string|int|float|null $errorCode,
        public readonly ?string $retryAfter = null,
    ) {
        parent::__construct($message);
        $this->headers = new ResponseHeaders();
    }

    public static function invalidHandoff(string $message): self
    {
        return new self($message, 400, 'invalid_request_error', 'invalid_handoff');
    }

    public static function handoffTooLarge(): self
    {
        $message = 'expected handoff data of at most 256 KiB, found more';
        return new self($message, 413, 'invalid_request_error', 'handoff_too_large');
    }

    public static function tooManyConnections(): self
    {
        $message = 'the daemon already runs its maximum number of streams; try again later';
        return new self($message, 503, 'overloaded_error', 'max_connections');
    }

    public static function shuttingDown(): self
    {
        return new self('the daemon is shutting down', 503, 'overloaded_error', 'shutting_down');
    }

    /** A failure before the response's head: no connection, a broken one, or a malformed head. */
    public static function unreachable(): self
    {
        $message = 'the daemon could not reach the API, or the API closed before its response';
        return new self($message, 502, 'upstream_error', 'upstream_unreachable');
    }

    public static function connectTimeout(): self
    {
        return self::late('the daemon could not connect to the API in time');
    }

    public static function firstByteTimeout(): self
    {
        return self::late('the API did not begin its answer in time');
    }

    public static function idleTimeout(): self
    {
        return self::late('the API sent nothing before the idle timeout');
    }

    /** A broken connection, or a broken framing, within the stream. */
    public static function brokenOff(): self
    {
        return self::broken('the API\'s answer broke off');
    }

    /** A clean end of the stream before the answer is complete. */
    public static function incomplete(): self
    {
        return self::broken('the API\'s answer ended before it was finished');
    }

    /** An invalid stream. */
    public static function broken(string $message): self
    {
        return new self($message, 502, 'upstream_error', 'upstream_broken');
    }

    /** Adds the response headers of the handoff data. */
    public function with(ResponseHeaders $headers): self
    {
        $this->headers = $headers;
        return $this;
    }

    /** Returns a copy without the API's key, which an API may echo in the text of an error (S2). */
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

    /** Renders the problem as the last event of a stream. */
    public function event(): string
    {
        return "data: {$this->json()}\n\n";
    }

    /** Renders the problem as a complete response. */
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

    private static function late(string $message): self
    {
        return new self($message, 504, 'timeout_error', 'upstream_timeout');
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
