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
 * An HTTP/2 connection to the API. One fiber reads for all streams. Writing never waits, because the
 * API's windows limit the unsent bytes.
 *
 * It uses the HTTP/2 of the shared library. amphp/http-client's own connection has three faults. It
 * ends the streams that a GOAWAY covers. It returns an early response only after the whole request.
 * And padding narrows its windows.
 */
final class Http2Connection implements Connection
{
    private readonly Protocol $protocol;

    public function __construct(private readonly Transport $transport)
    {
        $this->protocol = new Protocol($this->flush(...));
    }

    /**
     * Waits until the API's settings, with its limits, have arrived.
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
            throw new BrokenException('expected HTTP/2 from the API, found something else');
        }
        async($this->run(...))->ignore();
    }

    public function reserve(): bool
    {
        return $this->room() > 0;
    }

    /** Returns how many streams the connection can open now. */
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
            // After a timeout the connection may be dead.
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
