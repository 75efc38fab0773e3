<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The byte stream of an event stream, by the rules of WHATWG, becomes events (U2).
 *
 * Bytes in, events out, however the bytes are cut. Lines end in CR, LF or CRLF; a
 * CR is known to be an end at once, so that an event does not wait for the byte
 * after it, and the LF that may follow is dropped when it comes.
 */
final class EventParser
{
    /** Events of 1 MiB (R3), twice that for escapes and other fields: all that an endless line can cost. */
    public const MAX_EVENT = 2 << 20;

    /** The unfinished line. */
    private string $line = '';
    private string $kind = '';
    /** The data lines so far, each followed by a line feed. */
    private string $data = '';
    /** The byte order mark, if any, has been dealt with. */
    private bool $began = false;
    /** A line feed in the first place belongs to the line before. */
    private bool $afterCr = false;

    /**
     * The events that these bytes complete.
     *
     * @return \Generator<int, Event>
     * @throws Problem when an event is too large; nothing sensible can be parsed after it
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
            if (strlen($this->line) + strlen($this->data) + $length > self::MAX_EVENT) {
                throw Problem::broken('an event of the API\'s stream is larger than 2 MiB');
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
     * The event that a clean end of the stream left without its closing blank line.
     *
     * WHATWG would discard it; a last event must not be lost in silence, and one that
     * was cut short shows itself by being no JSON.
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
        if ($name === 'data' || $name === 'event') {
            $value = $colon === false ? '' : substr($line, $colon + 1);
            $value = str_starts_with($value, ' ') ? substr($value, 1) : $value;
            if ($name === 'data') {
                $this->data .= "$value\n";
            } else {
                $this->kind = $value;
            }
        }
        // Comments have an empty name; id and retry are of no use here.
        return null;
    }

    /** The end of an event. One without data is none. */
    private function dispatch(): ?Event
    {
        $event = $this->data === '' ? null : new Event($this->kind, substr($this->data, 0, -1));
        $this->data = $this->kind = '';
        return $event;
    }
}
