<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * One HTTP/1.1 response, strictly read (U4): bytes in, the bytes of its body out.
 *
 * A body is passed on as it comes, also within a chunk (R7). It ends by its framing
 * or, where nothing frames it, with the connection; whoever feeds this says by end()
 * that the connection has ended, and only if it did so cleanly. Everything else that
 * is not as HTTP says is an UnexpectedValueException, after which nothing is believed;
 * what came before it is handed out first.
 */
final class Http1Response
{
    private const MAX_HEAD = 64 << 10;
    private const TOKEN = '[!#$%&\'*+.^_`|~0-9A-Za-z-]+';

    /** What has come and cannot be taken yet: a head or the line of a chunk. */
    private string $rest = '';
    private ?ApiAnswer $head = null;
    private Http1Part $part = Http1Part::Head;
    /** Bytes of the body or the chunk that are still to come. */
    private int $due = 0;
    private bool $lasting = false;
    private ?\UnexpectedValueException $mistake = null;

    /** The head, once it has come; those of informational responses are passed over. */
    public function head(): ?ApiAnswer
    {
        return $this->head;
    }

    public function complete(): bool
    {
        return $this->part === Http1Part::Done;
    }

    /** Whether the connection may carry another request: this one is complete, and nothing follows it (U9). */
    public function reusable(): bool
    {
        return $this->complete() && $this->lasting && $this->rest === '';
    }

    /**
     * Takes what one read returned.
     *
     * @return string what of the body came of it. A mistake behind that is thrown by the next
     *     call: call again, with an empty string, before waiting for more
     * @throws \UnexpectedValueException
     */
    public function feed(string $bytes): string
    {
        if ($this->mistake !== null) {
            throw $this->mistake;
        }
        $this->rest .= $bytes;
        $body = '';
        try {
            while (
                match ($this->part) {
                    Http1Part::Head => $this->takeHead(),
                    Http1Part::ChunkSize => $this->takeChunkSize(),
                    Http1Part::ChunkEnd => $this->takeChunkEnd(),
                    Http1Part::Trailers => $this->takeTrailer(),
                    Http1Part::Sized, Http1Part::Chunk, Http1Part::Unframed => $this->takeBody($body),
                    Http1Part::Done => false,
                }
            );
        } catch (\UnexpectedValueException $mistake) {
            $this->mistake = $mistake;
            return $body !== '' ? $body : throw $mistake;
        }
        return $body;
    }

    /**
     * The connection has ended: by FIN, under TLS after close_notify.
     *
     * @throws \UnexpectedValueException when the response had not
     */
    public function end(): void
    {
        $this->lasting = false;
        if ($this->part === Http1Part::Unframed) {
            $this->part = Http1Part::Done;
        }
        if (!$this->complete()) {
            throw new \UnexpectedValueException('the connection ended within the response');
        }
    }

    private function takeHead(): bool
    {
        $end = strpos($this->rest, "\r\n\r\n");
        if (($end === false ? strlen($this->rest) : $end) > self::MAX_HEAD) {
            throw new \UnexpectedValueException('the head is too large');
        }
        if ($end === false) {
            return false;
        }
        $lines = explode("\r\n", substr($this->rest, 0, $end));
        $this->rest = substr($this->rest, $end + 4);
        if (!preg_match('/^HTTP\/1\.([01]) ([1-5][0-9]{2})( [^\x00-\x08\x0a-\x1f\x7f]*)?$/D', $lines[0], $status)) {
            throw new \UnexpectedValueException('no status line of HTTP/1.1');
        }
        $headers = self::headers(array_slice($lines, 1));
        if ($status[2] === '101') {
            throw new \UnexpectedValueException('the protocol was switched, unasked');
        }
        if ($status[2][0] !== '1') {
            $this->frame($headers, $status[1] === '1', (int) $status[2]);
        }
        return true;
    }

    /**
     * @param list<string> $lines
     * @return array<string, list<string>> values by lower-case name
     */
    private static function headers(array $lines): array
    {
        $headers = [];
        foreach ($lines as $line) {
            if (!preg_match('/^(' . self::TOKEN . '):[ \t]*([^\x00\r\n]*?)[ \t]*$/D', $line, $field)) {
                throw new \UnexpectedValueException('a line of the head is no field');
            }
            $headers[strtolower($field[1])][] = $field[2];
        }
        return $headers;
    }

    /** @param array<string, list<string>> $headers */
    private function frame(array $headers, bool $lasting, int $status): void
    {
        $codings = $headers['transfer-encoding'] ?? null;
        $lengths = array_unique(array_map(trim(...), explode(',', implode(',', $headers['content-length'] ?? []))));
        $tokens = array_map(trim(...), explode(',', strtolower(implode(',', $headers['connection'] ?? []))));
        if (count($lengths) > 1 || !preg_match('/^[0-9]{0,18}$/D', $lengths[0])) {
            throw new \UnexpectedValueException('Content-Length is no length');
        }
        if ($codings !== null && strtolower(implode(',', $codings)) !== 'chunked') {
            throw new \UnexpectedValueException('an unknown Transfer-Encoding');
        }
        if (isset($headers['content-length']) && $lengths[0] === '') {
            throw new \UnexpectedValueException('Content-Length is no length');
        }
        $this->head = new ApiAnswer($status, array_map(static fn (array $values): string => $values[0], $headers));
        $this->due = (int) $lengths[0];
        // Where both are given the chunks hold, but whoever sent both may see the end elsewhere.
        $this->lasting = $lasting && !in_array('close', $tokens, true) && ($codings === null || $lengths[0] === '');
        $this->part = match (true) {
            $status === 204, $status === 304 => Http1Part::Done,
            $codings !== null => Http1Part::ChunkSize,
            !isset($headers['content-length']) => Http1Part::Unframed,
            $this->due === 0 => Http1Part::Done,
            default => Http1Part::Sized,
        };
    }

    private function takeChunkSize(): bool
    {
        $line = $this->takeLine();
        if ($line === null) {
            return false;
        }
        if (!preg_match('/^([0-9a-fA-F]{1,15})[ \t]*(;[^\x00-\x08\x0a-\x1f\x7f]*)?$/D', $line, $size)) {
            throw new \UnexpectedValueException('a chunk has no size');
        }
        $this->due = (int) hexdec($size[1]);
        $this->part = $this->due === 0 ? Http1Part::Trailers : Http1Part::Chunk;
        return true;
    }

    private function takeChunkEnd(): bool
    {
        if (!str_starts_with("\r\n", substr($this->rest, 0, 2))) {
            throw new \UnexpectedValueException('a chunk is longer than its size');
        }
        if (strlen($this->rest) < 2) {
            return false;
        }
        $this->rest = substr($this->rest, 2);
        $this->part = Http1Part::ChunkSize;
        return true;
    }

    private function takeTrailer(): bool
    {
        $line = $this->takeLine();
        if ($line === '') {
            $this->part = Http1Part::Done;
        } elseif ($line !== null) {
            self::headers([$line]);
        }
        return $line !== null;
    }

    private function takeBody(string &$body): bool
    {
        $part = $this->rest;
        if ($this->part === Http1Part::Unframed) {
            $this->rest = '';
        } else {
            $part = substr($part, 0, $this->due);
            $this->rest = substr($this->rest, strlen($part));
            $this->due -= strlen($part);
        }
        $body .= $part;
        if ($this->part === Http1Part::Unframed || $this->due > 0) {
            return false;
        }
        $this->part = $this->part === Http1Part::Chunk ? Http1Part::ChunkEnd : Http1Part::Done;
        return true;
    }

    private function takeLine(): ?string
    {
        $end = strpos($this->rest, "\n");
        if (($end === false ? strlen($this->rest) : $end) > self::MAX_HEAD) {
            throw new \UnexpectedValueException('a line is too long');
        }
        if ($end === false) {
            return null;
        }
        $line = substr($this->rest, 0, $end);
        $this->rest = substr($this->rest, $end + 1);
        if (!str_ends_with($line, "\r")) {
            throw new \UnexpectedValueException('a line does not end in CRLF');
        }
        return substr($line, 0, -1);
    }
}
