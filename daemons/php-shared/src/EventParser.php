<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The parser of server-sent events, by the rules of WHATWG (U2), without I/O: bytes in, events out.
 *
 * The bytes may be cut anywhere. Lines end in CR, LF or CRLF. A CR ends its line at once, so that
 * an event does not wait for the next byte. The parser skips the LF that may follow.
 *
 * The parser differs from WHATWG in one point. Some APIs report a failure in a field named `error`
 * (llama.cpp), or in an `event: error` without data, and then send [DONE]. WHATWG ignores both.
 * This parser dispatches both as error events, so that a failure does not become an empty success.
 */
final class EventParser
{
    /** The largest event or line: 1 MiB (R3), twice that for escapes and further fields. It bounds an endless line. */
    public const MAX_EVENT = 2 << 20;

    /** The unfinished line. */
    private string $line = '';
    private string $kind = '';
    /** The data lines so far, each followed by a line feed. */
    private string $data = '';
    /** The error lines so far, each followed by a line feed. */
    private string $failure = '';
    /** The first line, where a byte order mark may be, is over. */
    private bool $began = false;
    /** The previous byte was a CR. An LF now belongs to its line. */
    private bool $afterCr = false;

    /**
     * Yields the events that these bytes complete.
     *
     * @return \Generator<int, Event>
     * @throws Problem when an event is too large; the parser cannot continue after it
     */
    public function feed(string $bytes): \Generator
    {
        for ($at = 0, $size = strlen($bytes); $at < $size;) {
            if ($this->afterCr) {
                $this->afterCr = false;
                if ($bytes[$at] === "\n") {
                    ++$at;
                    continue;
                }
            }
            $length = strcspn($bytes, "\r\n", $at);
            $held = strlen($this->line) + strlen($this->data) + strlen($this->failure);
            if ($held + $length > self::MAX_EVENT) {
                throw Problem::broken('expected events of at most 2 MiB, found a larger one');
            }
            $this->line .= substr($bytes, $at, $length);
            $at += $length;
            if ($at === $size) {
                return;
            }
            $this->afterCr = $bytes[$at++] === "\r";
            $line = $this->line;
            $this->line = '';
            if (($event = $this->endLine($line)) !== null) {
                yield $event;
            }
        }
    }

    /**
     * Returns the last event when the stream ended cleanly without a blank line.
     *
     * WHATWG discards that event. A relay must not lose it; if the API cut it short, its JSON is
     * invalid and the stream fails.
     */
    public function flush(): ?Event
    {
        $event = $this->line === '' ? null : $this->endLine($this->line);
        $this->line = '';
        return $event ?? $this->dispatch();
    }

    private function endLine(string $line): ?Event
    {
        if (!$this->began) {
            $this->began = true;
            $line = str_starts_with($line, "\xef\xbb\xbf") ? substr($line, 3) : $line;
        }
        if ($line === '') {
            return $this->dispatch();
        }
        $colon = strpos($line, ':');
        $name = $colon === false ? $line : substr($line, 0, $colon);
        $value = $colon === false ? '' : substr($line, $colon + 1);
        $value = str_starts_with($value, ' ') ? substr($value, 1) : $value;
        switch ($name) {
            case 'data':
                $this->data .= "$value\n";
                break;
            case 'error':
                $this->failure .= "$value\n";
                break;
            case 'event':
                $this->kind = $value;
        }
        // Comments have an empty name. A relay does not need id and retry.
        return null;
    }

    /** Ends an event. Returns null for a block without data that does not report an error. */
    private function dispatch(): ?Event
    {
        [$kind, $lines] = $this->failure === '' ? [$this->kind, $this->data] : [Event::ERROR, $this->failure];
        $this->data = $this->failure = $this->kind = '';
        return $lines === '' && $kind !== Event::ERROR ? null : new Event($kind, substr($lines, 0, -1));
    }
}
