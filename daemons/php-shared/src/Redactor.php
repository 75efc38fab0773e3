<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The redactor removes the API's key from logs and from errors for clients, but not from the answer itself (S2). */
final class Redactor
{
    public function __construct(private readonly string $key)
    {
    }

    public function redact(string $text): string
    {
        return $this->key === '' ? $text : str_replace($this->key, '[redacted]', $text);
    }
}
