<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * One HTTP/1.1 response, read as strictly as RFC 9112 allows: bytes in, body out.
 *
 * A reader that takes what another one cuts off, or wraps round, sees another message.
 * So a size is one to fifteen hex digits, a line ends in CRLF, a head says in one way
 * how its body is framed, and what is anything else is never read past. What came
 * before a mistake is handed out all the same.
 */
final class Http1Response
{
    private const MAX_LINE = 16 << 10;
    private const MAX_HEAD = 64 << 10;

    private Http1State $state = Http1State::Head;
    private ?ApiAnswer $answer = null;
    private ?Problem $failure = null;
    private string $buffer = '';
    private int $headSize = 0;
    /** Bytes of the body, or of the chunk, that are still to come. */
    private int $missing = 0;
    private bool $reusable = false;

    /** The head of the final response, once it has arrived. */
    public function answer(): ?ApiAnswer
    {
        return $this->answer;
    }

    public function state(): Http1State
    {
        return $this->state;
    }

    /** What is wrong, once the state is Broken. */
    public function failure(): Problem
    {
        return $this->failure ?? throw new \LogicException('the response is not broken');
    }

    /** Whether another response may follow on the connection: this one was whole, and nothing follows it yet. */
    public function reusable(): bool
    {
        return $this->state === Http1State::Ended && $this->reusable && $this->buffer === '';
    }

    /** Takes what one read returned; returns what of it belongs to the body. */
    public function feed(string $bytes): string
    {
        $this->buffer .= $bytes;
        $body = '';
        try {
            while (($piece = $this->step()) !== null) {
                $body .= $piece;
            }
        } catch (\UnexpectedValueException $mistake) {
            $this->break(Problem::broken("the API's answer is malformed: {$mistake->getMessage()}"));
        }
        return $body;
    }

    /** The connection ended, cleanly: under TLS, after close_notify. */
    public function end(): void
    {
        if ($this->state === Http1State::ToEnd) {
            $this->state = Http1State::Ended;
        } elseif ($this->state !== Http1State::Ended) {
            $this->cut();
        }
    }

    /** The connection broke. */
    public function cut(): void
    {
        if ($this->state !== Http1State::Ended) {
            $this->break($this->answer === null ? Problem::unreachable() : Problem::brokenOff());
        }
    }

    private function break(Problem $failure): void
    {
        if ($this->state !== Http1State::Broken) {
            $this->state = Http1State::Broken;
            $this->failure = $failure;
        }
    }

    /**
     * Takes one piece out of the buffer: a head, a line, or bytes of the body.
     *
     * @return string|null the bytes of the body; null when there is not enough in the buffer
     * @throws \UnexpectedValueException
     */
    private function step(): ?string
    {
        return match ($this->state) {
            Http1State::Head => $this->readHead(),
            Http1State::ChunkSize => $this->readChunkSize(),
            Http1State::ChunkEnd => $this->readChunkEnd(),
            Http1State::Trailers => $this->readTrailer(),
            Http1State::Sized, Http1State::Chunk, Http1State::ToEnd => $this->readBody(),
            Http1State::Ended, Http1State::Broken => null,
        };
    }

    private function readBody(): ?string
    {
        if ($this->buffer === '') {
            return null;
        }
        if ($this->state === Http1State::ToEnd) {
            [$piece, $this->buffer] = [$this->buffer, ''];
            return $piece;
        }
        $piece = substr($this->buffer, 0, $this->missing);
        $this->buffer = substr($this->buffer, strlen($piece));
        $this->missing -= strlen($piece);
        if ($this->missing === 0) {
            $this->state = $this->state === Http1State::Chunk ? Http1State::ChunkEnd : Http1State::Ended;
        }
        return $piece;
    }

    private function readChunkSize(): ?string
    {
        $line = $this->line();
        if ($line === null) {
            return null;
        }
        if (!preg_match('/^([0-9A-Fa-f]{1,64})(?:[ \t]*;[^\x00\r\n]*)?$/D', $line, $match)) {
            throw new \UnexpectedValueException('expected the size of a chunk');
        }
        $digits = ltrim($match[1], '0');
        if (strlen($digits) > 15) {
            throw new \UnexpectedValueException('a chunk is too large');
        }
        $this->missing = (int) hexdec($digits);
        $this->state = $this->missing === 0 ? Http1State::Trailers : Http1State::Chunk;
        return '';
    }

    private function readChunkEnd(): ?string
    {
        $end = substr($this->buffer, 0, 2);
        if (!str_starts_with("\r\n", $end)) {
            throw new \UnexpectedValueException('expected the end of a chunk');
        }
        if (strlen($end) < 2) {
            return null;
        }
        $this->buffer = substr($this->buffer, 2);
        $this->state = Http1State::ChunkSize;
        return '';
    }

    private function readTrailer(): ?string
    {
        $line = $this->line();
        if ($line === '') {
            $this->state = Http1State::Ended;
        } elseif ($line !== null && !str_contains($line, ':')) {
            throw new \UnexpectedValueException('expected a trailer field');
        }
        return $line === null ? null : '';
    }

    /** The next line without its CRLF. */
    private function line(): ?string
    {
        $end = strpos($this->buffer, "\n");
        if ($end === false ? strlen($this->buffer) > self::MAX_LINE : $end > self::MAX_LINE) {
            throw new \UnexpectedValueException('a line is too long');
        }
        if ($end === false) {
            return null;
        }
        $line = substr($this->buffer, 0, $end + 1);
        if (!str_ends_with($line, "\r\n")) {
            throw new \UnexpectedValueException('a line ends in LF alone');
        }
        $this->buffer = substr($this->buffer, $end + 1);
        return substr($line, 0, -2);
    }

    private function readHead(): ?string
    {
        if (!str_starts_with('HTTP/1.', substr($this->buffer, 0, 7))) {
            throw new \UnexpectedValueException('it does not begin as HTTP/1');
        }
        $end = strpos($this->buffer, "\r\n\r\n");
        if ($this->headSize + ($end === false ? strlen($this->buffer) : $end) > self::MAX_HEAD) {
            throw new \UnexpectedValueException('its head is too large');
        }
        if ($end === false) {
            return null;
        }
        $lines = explode("\r\n", substr($this->buffer, 0, $end));
        $this->buffer = substr($this->buffer, $end + 4);
        $this->headSize += $end;
        $this->takeHead(array_shift($lines), $lines);
        return '';
    }

    /** @param list<string> $lines */
    private function takeHead(string $first, array $lines): void
    {
        if (!preg_match('/^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [^\x00\r\n]*)?$/D', $first, $match)) {
            throw new \UnexpectedValueException('its first line is no status line');
        }
        $status = (int) $match[2];
        $fields = [];
        foreach ($lines as $line) {
            if (!preg_match('/^([!#$%&\'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*$/D', $line, $field)) {
                throw new \UnexpectedValueException('a header is malformed');
            }
            $fields[strtolower($field[1])][] = $field[2];
        }
        if ($status < 200) {
            if ($status === 101) {
                throw new \UnexpectedValueException('it switches protocols, unasked');
            }
            return; // informational: the answer is still to come
        }
        $options = strtolower(implode(',', $fields['connection'] ?? []));
        $closes = in_array('close', array_map(trim(...), explode(',', $options)), true);
        $this->reusable = $match[1] === '1' && !$closes;
        $this->frame($status, $fields);
        $this->answer = new ApiAnswer($status, array_map(static fn (array $values): string => $values[0], $fields));
    }

    /**
     * How the body is framed (RFC 9112, section 6.3).
     *
     * @param array<string, list<string>> $fields
     */
    private function frame(int $status, array $fields): void
    {
        $lengths = array_unique($fields['content-length'] ?? []);
        if ($status === 204 || $status === 304) {
            $this->state = Http1State::Ended;
        } elseif (isset($fields['transfer-encoding'])) {
            if (array_map(strtolower(...), $fields['transfer-encoding']) !== ['chunked']) {
                throw new \UnexpectedValueException('a transfer coding that was not asked for');
            }
            $this->state = Http1State::ChunkSize;
            $this->reusable = $this->reusable && $lengths === []; // both: somebody on the way is confused
        } elseif ($lengths !== []) {
            if (count($lengths) > 1 || !preg_match('/^[0-9]{1,15}$/D', $lengths[0])) {
                throw new \UnexpectedValueException('its length is no number, or several');
            }
            $this->missing = (int) $lengths[0];
            $this->state = $this->missing === 0 ? Http1State::Ended : Http1State::Sized;
        } else {
            $this->state = Http1State::ToEnd;
            $this->reusable = false;
        }
    }
}
