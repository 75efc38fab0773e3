<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\Api;
use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Http1Incoming;
use StreamingDaemon\Http2\Connection;
use StreamingDaemon\Incoming;
use StreamingDaemon\Job;
use StreamingDaemon\Problem;
use StreamingDaemon\Unprocessed;
use Swow\SocketException;

/**
 * One request to the API, on a connection of its own.
 *
 * So the coroutine that serves the client reads the API's socket itself, when it wants
 * more and not before: a client that stalls stops the API (U6), one that leaves takes
 * the connection with it (U5), and there is nobody whom either could disturb.
 */
final class Call
{
    /** What an API may still send after its `[DONE]` before it is cut off: the end of the body. */
    private const RELEASE_TIME = 0.5;
    private const RELEASE_BYTES = 65536;

    private function __construct(
        private readonly Transport $transport,
        private readonly Incoming $incoming,
        private readonly ?Connection $http2,
    ) {
    }

    /** Sends the request of a job. */
    public static function start(Transport $transport, Api $api, Job $job): self
    {
        if ($transport->protocol() === 'h2') {
            $connection = new Connection(static function (): void {
            }); // it is asked for output often enough
            $incoming = $connection->request([
                ':method' => 'POST',
                ':scheme' => 'https',
                ':authority' => $api->authority(),
                ':path' => $api->path,
                ...$api->headers($job),
                'content-length' => (string) strlen($job->body),
            ], $job->body);
            $transport->write($connection->output());
            return new self($transport, $incoming, $connection);
        }
        $request = "POST $api->path HTTP/1.1\r\nHost: {$api->authority()}\r\n";
        foreach ($api->headers($job) as $name => $value) {
            $request .= ucwords($name, '-') . ": $value\r\n";
        }
        $request .= 'Content-Length: ' . strlen($job->body) . "\r\nConnection: close\r\n\r\n";
        $transport->write($request . $job->body);
        $nothing = static function (): void {
        };
        return new self($transport, new Http1Incoming($nothing, $nothing), null);
    }

    /**
     * Waits for the response's head.
     *
     * @throws Problem|Unprocessed
     */
    public function head(float $deadline): ApiAnswer
    {
        try {
            while ($this->incoming->head() === null && !$this->incoming->isOver()) {
                $this->advance($deadline);
            }
        } catch (Late) {
            throw Problem::firstByteTimeout();
        }
        return $this->incoming->head() ?? throw $this->incoming->failure() ?? Problem::unreachable();
    }

    /**
     * Waits for more of the body.
     *
     * @return string|null null when it has ended cleanly
     * @throws Problem
     */
    public function read(float $deadline): ?string
    {
        try {
            while (($bytes = $this->incoming->take()) === '' && !$this->incoming->isOver()) {
                $this->advance($deadline);
            }
        } catch (Late) {
            throw Problem::idleTimeout();
        }
        if ($bytes === '') {
            return $this->incoming->failure() === null ? null : throw $this->incoming->failure();
        }
        return $bytes;
    }

    /** Nobody needs the rest, which should be next to nothing: it may come, soon. */
    public function release(): void
    {
        $deadline = Clock::now() + self::RELEASE_TIME;
        try {
            for ($size = 0; $size < self::RELEASE_BYTES && !$this->incoming->isOver();) {
                $this->advance($deadline);
                $size += strlen($this->incoming->take());
            }
        } catch (Late) {
            // It had its time.
        }
        $this->close();
    }

    public function close(): void
    {
        $this->incoming->cancel();
        $this->flush();
        $this->transport->close();
    }

    /** @throws Late */
    private function advance(float $deadline): void
    {
        try {
            $this->flush();
            $bytes = $this->transport->read($deadline);
        } catch (SocketException | TlsException) {
            $bytes = null;
        }
        if ($this->http2 !== null) {
            $bytes === null ? $this->http2->lost() : $this->http2->receive($bytes);
            $this->flush();
        } elseif ($this->incoming instanceof Http1Incoming) {
            $bytes === null ? $this->incoming->end($this->transport->endedCleanly()) : $this->incoming->receive($bytes);
        }
    }

    private function flush(): void
    {
        $output = $this->http2?->output() ?? '';
        if ($output !== '') {
            $this->transport->write($output);
        }
    }
}
