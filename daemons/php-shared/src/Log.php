<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The log on stderr: one line for each event, without the API's key. */
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
        // Ignore errors: a closed stderr must not end the daemon.
        @fwrite(STDERR, $this->redactor->redact($line) . "\n");
    }
}
