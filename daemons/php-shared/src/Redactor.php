<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** Takes the API's key out of everything that a client or a log sees, but for the answer itself (S2). */
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
