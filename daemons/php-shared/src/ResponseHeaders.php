<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The response headers of the handoff data, and the renderer of all heads.
 *
 * Only this class renders a head, so only this class must check headers (R1, S1). It discards
 * invalid headers, and those that the handoff data cannot set.
 */
final class ResponseHeaders
{
    private const RESERVED = [
        'content-type', 'cache-control', 'connection', 'transfer-encoding',
        'content-length', 'content-encoding', 'x-accel-buffering',
    ];

    private const REASONS = [
        200 => 'OK', 400 => 'Bad Request', 402 => 'Payment Required', 403 => 'Forbidden', 404 => 'Not Found',
        408 => 'Request Timeout', 409 => 'Conflict', 413 => 'Content Too Large', 422 => 'Unprocessable Content',
        429 => 'Too Many Requests', 500 => 'Internal Server Error', 502 => 'Bad Gateway',
        503 => 'Service Unavailable', 504 => 'Gateway Timeout',
    ];

    /** @param list<array{string, string}> $headers */
    public function __construct(private readonly array $headers = [])
    {
    }

    /** @param string|null $json the field response_headers as valid JSON */
    public static function fromJson(?string $json): self
    {
        $headers = [];
        foreach ($json === null || $json[0] !== '{' ? [] : RawObject::parse($json)->members() as $name => $value) {
            $text = $value[0] === '"' ? Json::decode($value) : null;
            if (
                is_string($text)
                && preg_match('/^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$/D', $name)
                && !in_array(strtolower($name), self::RESERVED, true)
                && !preg_match('/[\x00-\x1f\x7f]/', $text)
            ) {
                $headers[] = [$name, $text];
            }
        }
        return new self($headers);
    }

    /** Renders the head of a streamed answer. */
    public function streamHead(): string
    {
        return $this->head(200, [
            ['Content-Type', 'text/event-stream'],
            ['Cache-Control', 'no-cache'],
            ['Connection', 'close'],
            ['X-Accel-Buffering', 'no'],
        ]);
    }

    /**
     * Renders the head of any answer.
     *
     * @param list<array{string, string}> $own the daemon's headers, which come first
     */
    public function head(int $status, array $own): string
    {
        $head = "HTTP/1.1 $status " . (self::REASONS[$status] ?? 'Error') . "\r\n";
        foreach ([...$own, ...$this->headers] as [$name, $value]) {
            $head .= "$name: $value\r\n";
        }
        return "$head\r\n";
    }
}
