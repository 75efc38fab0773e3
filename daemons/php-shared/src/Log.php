<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** One line on stderr for each event worth telling, never with the API's key. */
final class Log
{
    public function __construct(private readonly Redactor $redactor)
    {
    }

    /** @param array<string, scalar|null> $details */
    public function line(string $event, array $details = []): void
    {
        $line = date('Y-m-d\TH:i:s ') . $event;
        foreach ($details as $name => $value) {
            $line .= " $name=" . Json::encode(is_string($value) ? mb_scrub($value) : $value);
        }
        // A log that nobody reads any more is no reason to stop serving.
        @fwrite(STDERR, $this->redactor->redact($line) . "\n");
    }
}
