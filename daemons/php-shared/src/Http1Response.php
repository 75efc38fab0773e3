<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * A strict parser for one HTTP/1.1 response (U4): bytes in, the bytes of its body out.
 *
 * It returns the bytes of a body as they arrive, also within a chunk (R7). A body ends by its
 * framing. Without framing it ends with the connection: the caller reports a clean end with end().
 * A violation of HTTP is an UnexpectedValueException, after the bytes that arrived before it. The
 * parser does not continue after it.
 */
final class Http1Response
{
    private const MAX_HEAD = 64 << 10;
    private const TOKEN = '[!#$%&\'*+.^_`|~0-9A-Za-z-]+';

    /** The unparsed bytes: an incomplete head, or the incomplete line of a chunk. */
    private string $rest = '';
    private ?ApiAnswer $head = null;
    private Http1Part $part = Http1Part::Head;
    /** The missing bytes of the body or the chunk. */
    private int $due = 0;
    private bool $lasting = false;
    private ?\UnexpectedValueException $error = null;

    /** Returns the head, or null before it has arrived. Informational responses do not count. */
    public function head(): ?ApiAnswer
    {
        return $this->head;
    }

    public function complete(): bool
    {
        return $this->part === Http1Part::Done;
    }

    /** Reports whether the connection may carry another request: the response is complete, and no byte follows (U9). */
    public function reusable(): bool
    {
        return $this->complete() && $this->lasting && $this->rest === '';
    }

    /**
     * Parses the bytes of one read.
     *
     * @return string the new bytes of the body. The next call throws an error that comes after
     *     them: call again, with an empty string, before waiting for more
     * @throws \UnexpectedValueException
     */
    public function feed(string $bytes): string
    {
        if ($this->error !== null) {
            throw $this->error;
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
        } catch (\UnexpectedValueException $error) {
            $this->error = $error;
            return $body !== '' ? $body : throw $error;
        }
        return $body;
    }

    /**
     * Handles a clean end of the connection: FIN, under TLS after close_notify.
     *
     * @throws \UnexpectedValueException when the response is incomplete
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
            throw new \UnexpectedValueException('expected a status line of HTTP/1.1');
        }
        $headers = self::headers(array_slice($lines, 1));
        if ($status[2] === '101') {
            throw new \UnexpectedValueException('expected no switch of protocols');
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
                throw new \UnexpectedValueException('expected a header field in each line of the head');
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
            throw new \UnexpectedValueException('Content-Length: expected one number');
        }
        if ($codings !== null && strtolower(implode(',', $codings)) !== 'chunked') {
            throw new \UnexpectedValueException('Transfer-Encoding: expected chunked');
        }
        if (isset($headers['content-length']) && $lengths[0] === '') {
            throw new \UnexpectedValueException('Content-Length: expected one number');
        }
        $this->head = new ApiAnswer($status, array_map(static fn (array $values): string => $values[0], $headers));
        $this->due = (int) $lengths[0];
        // With both framings the chunks count, but a server that sends both may be out of step.
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
            throw new \UnexpectedValueException('expected a chunk size in hexadecimal digits');
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
