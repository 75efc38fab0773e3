<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Cancellation;
use Amp\Http\Client\Request;
use Amp\Http\Client\Response;
use Amp\Http\Http1\Rfc7230;
use StreamingDaemon\Http1Response;
use StreamingDaemon\Unprocessed;

/**
 * An HTTP/1.1 connection to the API. It carries another request only if its latest response is
 * complete and no byte has arrived after it (U9).
 */
final class Http1Connection implements Connection
{
    private bool $reserved = false;
    private bool $used = false;

    /** @param \Closure(self):void $release called when the connection can be reserved again */
    public function __construct(
        private readonly Transport $transport,
        private readonly \Closure $release,
    ) {
    }

    public function reserve(): bool
    {
        if ($this->reserved || !$this->transport->isQuiet()) {
            return false;
        }
        return $this->reserved = true;
    }

    public function isOpen(): bool
    {
        return $this->transport->isOpen();
    }

    public function request(Request $request, Cancellation $cancellation): Response
    {
        $reused = $this->used;
        $before = $this->transport->received();
        $this->used = true;
        $http = new Http1Response();
        try {
            $this->transport->send(self::encode($request));
            $body = '';
            while (($head = $http->head()) === null) {
                $bytes = $this->transport->read($cancellation);
                if ($bytes === null) {
                    $http->end();
                }
                $body = $http->feed((string) $bytes);
            }
        } catch (\UnexpectedValueException | BrokenException $error) {
            $this->close();
            throw $reused && $this->transport->received() === $before
                ? new Unprocessed($error->getMessage())
                : new BrokenException($error->getMessage());
        } catch (\Throwable $error) {
            $this->close();
            throw $error;
        }
        $stream = new Http1Body($this->transport, $http, $body, $this->end(...));
        return new Response('1.1', $head->status, null, $head->headers, $stream, $request);
    }

    public function close(): void
    {
        $this->transport->close();
    }

    private function end(bool $reusable): void
    {
        $this->reserved = false;
        if (!$reusable) {
            $this->close();
            return;
        }
        ($this->release)($this);
    }

    private static function encode(Request $request): string
    {
        $uri = $request->getUri();
        $body = (string) $request->getBody()->getContent()->read();
        $path = $uri->getPath() . ($uri->getQuery() === '' ? '' : '?' . $uri->getQuery());
        $headers = [
            ['host', $uri->getAuthority()],
            ['content-length', (string) strlen($body)],
            ...$request->getHeaderPairs(),
        ];
        return "{$request->getMethod()} $path HTTP/1.1\r\n" . Rfc7230::formatHeaderPairs($headers) . "\r\n$body";
    }
}
