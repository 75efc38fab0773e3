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
 * A call is one request to the API, on its own connection.
 *
 * The coroutine that serves the client reads the API's socket itself, and only when it needs more. So a
 * stalled client stops the API (U6), a client that leaves ends the connection (U5), and neither affects
 * other exchanges.
 */
final class Call
{
    /** How long, and with how many bytes, the API may end the response after `[DONE]`. */
    private const RELEASE_TIME = 0.5;
    private const RELEASE_BYTES = 65536;

    private function __construct(
        private readonly Transport $transport,
        private readonly Incoming $incoming,
        private readonly ?Connection $http2,
    ) {
    }

    /** Sends a job's request. */
    public static function start(Transport $transport, Api $api, Job $job): self
    {
        if ($transport->protocol() === 'h2') {
            $connection = new Connection(static function (): void {
            }); // flush() takes the output after each read
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
     * @return string|null null at a clean end
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

    /** Waits a short time for the end of the response, discards its rest, and closes. */
    public function release(): void
    {
        $deadline = Clock::now() + self::RELEASE_TIME;
        try {
            for ($size = 0; $size < self::RELEASE_BYTES && !$this->incoming->isOver();) {
                $this->advance($deadline);
                $size += strlen($this->incoming->take());
            }
        } catch (Late) {
            // The response did not end in time.
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
