<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The head of the API's answer, and what it means: an event stream to relay, or a
 * problem to answer the client with (R5, U4).
 */
final class ApiAnswer
{
    /** How much of an error response is read to find its message, in bytes, and for how long at most, in seconds. */
    public const ERROR_BYTES = 64 << 10;
    public const ERROR_TIME = 2.0;

    /** @param array<string, string> $headers by lower-case name; of one given twice the first value */
    public function __construct(
        public readonly int $status,
        public readonly array $headers,
    ) {
    }

    public function isEventStream(): bool
    {
        $encoding = strtolower(trim($this->headers['content-encoding'] ?? ''));
        return $this->succeeded() && $this->contentType() === 'text/event-stream'
            && ($encoding === '' || $encoding === 'identity');
    }

    /** Whether the body may say what is wrong: then it is worth reading before problem(). */
    public function explainsItself(): bool
    {
        if ($this->succeeded()) {
            return $this->contentType() !== 'text/event-stream';
        }
        return $this->status >= 400 && $this->status <= 499 && $this->status !== 401 && $this->status !== 403;
    }

    /**
     * What the client is told about an answer that is no event stream.
     *
     * @param string $body what was read of it, by the bounds above
     */
    public function problem(string $body = ''): Problem
    {
        $retryAfter = $this->retryAfter();
        if ($this->succeeded()) {
            if ($this->contentType() === 'text/event-stream') {
                $message = 'the API\'s answer is encoded, unasked';
                return new Problem($message, 502, 'upstream_error', 'unexpected_encoding');
            }
            $said = Chunk::describe($body);
            return new Problem(
                $said?->getMessage() ?? 'the API did not answer with an event stream',
                502,
                $said->type ?? 'upstream_error',
                $said->errorCode ?? 'unexpected_content_type',
            );
        }
        $own = $this->explainsItself();
        return ($own ? Chunk::describe($body, $this->status, $retryAfter) : null) ?? new Problem(
            "the API answered with status $this->status",
            $own ? $this->status : 502,
            'upstream_error',
            "upstream_status_$this->status",
            $retryAfter,
        );
    }

    private function succeeded(): bool
    {
        return $this->status >= 200 && $this->status <= 299;
    }

    private function contentType(): string
    {
        return strtolower(trim(explode(';', $this->headers['content-type'] ?? '')[0]));
    }

    /** The value, if it is one of the two that HTTP knows. */
    private function retryAfter(): ?string
    {
        $value = trim($this->headers['retry-after'] ?? '');
        $date = '/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/D';
        return preg_match('/^\d{1,9}$/D', $value) || preg_match($date, $value) ? $value : null;
    }
}
