<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** A response on an HTTP/1.1 connection. Stop reading from the connection while hasRoom() is false. */
final class Http1Incoming implements Incoming
{
    private const HIGH_WATER = 65536;

    private readonly Http1Response $response;
    private string $waiting = '';
    private bool $over = false;
    private ?\Throwable $failure = null;

    /**
     * @param \Closure(): void $onRoom called when there is room again
     * @param \Closure(): void $onCancel called to close the connection, the only way to cancel in HTTP/1.1
     */
    public function __construct(
        private readonly \Closure $onRoom,
        private readonly \Closure $onCancel,
    ) {
        $this->response = new Http1Response();
    }

    public function head(): ?ApiAnswer
    {
        return $this->response->head();
    }

    public function take(): string
    {
        $wasFull = !$this->hasRoom();
        [$bytes, $this->waiting] = [$this->waiting, ''];
        if ($wasFull) {
            ($this->onRoom)();
        }
        return $bytes;
    }

    public function isOver(): bool
    {
        return $this->over;
    }

    public function failure(): ?\Throwable
    {
        return $this->failure;
    }

    public function cancel(bool $suspect = false): void
    {
        if (!$this->over) {
            $this->over = true;
            ($this->onCancel)();
        }
    }

    public function hasRoom(): bool
    {
        return strlen($this->waiting) < self::HIGH_WATER;
    }

    /** Reports whether the connection may carry another request. */
    public function isReusable(): bool
    {
        return $this->response->reusable();
    }

    public function receive(string $bytes): void
    {
        try {
            // Deliver the bytes that arrived before an error.
            for (; ($body = $this->response->feed($bytes)) !== ''; $bytes = '') {
                $this->waiting .= $body;
            }
            $this->over = $this->over || $this->response->complete();
        } catch (\UnexpectedValueException $error) {
            $this->fail(Problem::broken("the API's answer is malformed: {$error->getMessage()}"));
        }
    }

    /** Handles the end of the connection, which may be the end of the response. */
    public function end(bool $clean): void
    {
        try {
            $clean ? $this->response->end() : throw new \UnexpectedValueException('the connection broke');
            $this->over = true;
        } catch (\UnexpectedValueException) {
            $this->fail($this->head() === null ? Problem::unreachable() : Problem::brokenOff());
        }
    }

    public function fail(\Throwable $why): void
    {
        if (!$this->over) {
            $this->over = true;
            $this->failure = $why;
        }
    }
}
