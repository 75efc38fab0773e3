<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The headers that the handoff adds to the daemon's own, and the heads made of both.
 *
 * Nothing else writes a head, so nothing else needs to know what a header may hold
 * (R1, S1). What is invalid, or the daemon's to decide, is dropped in silence.
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

    /** @param string|null $json the field response_headers, valid JSON */
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

    /** The head of an answer that streams. */
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
     * The head of any answer.
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
