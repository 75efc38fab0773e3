<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The head of the API's answer. The answer is an event stream to relay, or a problem for the
 * client (R5, U4).
 */
final class ApiAnswer
{
    /** The limits for reading an error response, to find its message, in bytes and seconds. */
    public const ERROR_BYTES = 64 << 10;
    public const ERROR_TIME = 2.0;

    /** @param array<string, string> $headers by lower-case name; the first value of a duplicate */
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

    /** Reports whether the body may describe the error. Read it before problem(). */
    public function hasErrorBody(): bool
    {
        if ($this->succeeded()) {
            return $this->contentType() !== 'text/event-stream';
        }
        return $this->status >= 400 && $this->status <= 499 && $this->status !== 401 && $this->status !== 403;
    }

    /**
     * Returns the problem for an answer that is not an event stream. The client gets the API's own
     * 4xx, except 401 and 403, which are about the daemon's key. All other statuses become a 502.
     *
     * @param string $body the body, up to the limits above
     */
    public function problem(string $body = ''): Problem
    {
        $retryAfter = $this->retryAfter();
        if ($this->succeeded()) {
            if ($this->contentType() === 'text/event-stream') {
                $message = 'expected no content encoding from the API, found one';
                return new Problem($message, 502, 'upstream_error', 'unexpected_encoding');
            }
            $described = Chunk::describe($body);
            return new Problem(
                $described?->getMessage() ?? 'expected an event stream from the API, found another content type',
                502,
                $described->type ?? 'upstream_error',
                $described->errorCode ?? 'unexpected_content_type',
            );
        }
        $own = $this->hasErrorBody();
        return ($own ? Chunk::describe($body, $this->status, $retryAfter) : null) ?? new Problem(
            "expected status 200 from the API, found $this->status",
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

    /** Returns the value if it has one of the two forms of HTTP: seconds or a date. */
    private function retryAfter(): ?string
    {
        $value = trim($this->headers['retry-after'] ?? '');
        $date = '/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/D';
        return preg_match('/^\d{1,9}$/D', $value) || preg_match($date, $value) ? $value : null;
    }
}
