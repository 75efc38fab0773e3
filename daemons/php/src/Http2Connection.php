<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\Http\Client\Request;
use Amp\Http\Client\Response;
use Amp\TimeoutException;
use StreamingDaemon\Http2\Connection as Protocol;
use StreamingDaemon\Problem;

use function Amp\async;

/**
 * HTTP/2 to the API. One fiber reads for all streams; writing never waits, since what is
 * sent is bounded by the API's windows.
 *
 * The protocol is the shared library's. amphp/http-client's own connection is not used: on
 * GOAWAY it gives up the streams that the API is going to finish, it keeps an early response
 * back until the request was sent, and padding is lost to its windows.
 */
final class Http2Connection implements Connection
{
    private readonly Protocol $protocol;

    public function __construct(private readonly Transport $transport)
    {
        $this->protocol = new Protocol($this->flush(...));
    }

    /**
     * Waits until the API's limits are known.
     *
     * @throws BrokenException|\Amp\CancelledException
     */
    public function start(Cancellation $cancellation): void
    {
        $this->flush();
        while (!$this->protocol->isReady() && !$this->protocol->isClosed()) {
            $this->take($this->transport->read($cancellation));
        }
        if ($this->protocol->isClosed()) {
            throw new BrokenException('the API does not speak HTTP/2');
        }
        async($this->run(...))->ignore();
    }

    public function reserve(): bool
    {
        return $this->room() > 0;
    }

    /** How many more requests the API takes on it now. */
    public function room(): int
    {
        return $this->protocol->room();
    }

    public function isOpen(): bool
    {
        return !$this->protocol->isClosed() && !$this->protocol->isSpent();
    }

    public function request(Request $request, Cancellation $cancellation): Response
    {
        $uri = $request->getUri();
        $headers = [
            ':method' => $request->getMethod(),
            ':scheme' => $uri->getScheme(),
            ':authority' => $uri->getAuthority(),
            ':path' => $uri->getPath() . ($uri->getQuery() === '' ? '' : '?' . $uri->getQuery()),
        ];
        $body = (string) $request->getBody()->getContent()->read();
        $headers['content-length'] = (string) strlen($body);
        foreach ($request->getHeaderPairs() as [$name, $value]) {
            $headers[strtolower($name)] = $value;
        }
        $stream = new Http2Body($this->protocol->request($headers, $body));
        $this->flush();
        try {
            $head = $stream->head($cancellation);
        } catch (\Throwable $error) {
            // Where no answer came in time the connection may be dead.
            $stream->close($error->getPrevious() instanceof TimeoutException);
            throw $error;
        }
        $headers = array_diff_key($head->headers, [':status' => '']);
        return new Response('2', $head->status, null, $headers, $stream, $request);
    }

    public function close(): void
    {
        $this->protocol->end(Problem::brokenOff());
        $this->transport->close();
    }

    private function run(): void
    {
        try {
            while (!$this->protocol->isClosed() && !$this->protocol->isSpent()) {
                $this->take($this->transport->read());
            }
        } catch (BrokenException) {
            $this->protocol->lost();
        }
        $this->transport->close();
    }

    private function take(?string $bytes): void
    {
        $bytes === null ? $this->protocol->lost() : $this->protocol->receive($bytes);
        $this->flush();
    }

    private function flush(): void
    {
        $this->transport->send($this->protocol->output());
        if ($this->protocol->isSpent()) {
            $this->transport->close();
        }
    }
}
