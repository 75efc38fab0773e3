<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\Http\Client\BufferedContent;
use Amp\Http\Client\Request;
use League\Uri\Http;
use Psr\Http\Message\UriInterface;
use StreamingDaemon\Job;
use StreamingDaemon\Log;
use StreamingDaemon\Options;
use StreamingDaemon\Redactor;

/** The services that all exchanges share: options, log, redactor and connections. */
final class Service
{
    public readonly Redactor $redactor;
    public readonly Log $log;
    public readonly Upstream $upstream;
    private readonly UriInterface $uri;

    public function __construct(public readonly Options $options)
    {
        $api = $options->api;
        $this->redactor = new Redactor($api->key);
        $this->log = new Log($this->redactor);
        $http2 = $api->http2 && $api->tls && $api->socket === null;
        $this->upstream = new Upstream($api, $this->log, $http2);
        $this->uri = Http::new(($api->tls ? 'https://' : 'http://') . $api->authority() . $api->path);
    }

    /** Builds the API's request for a job. */
    public function request(Job $job): Request
    {
        $body = BufferedContent::fromString($job->body, 'application/json');
        $request = new Request($this->uri, 'POST', $body);
        foreach ($this->options->api->headers($job) as $name => $value) {
            $request->setHeader($name, $value);
        }
        $request->setHeader('user-agent', 'streaming-daemon-amp/1.0');
        $request->setTcpConnectTimeout($this->options->connectTimeout);
        $request->setInactivityTimeout($this->options->firstByteTimeout);
        return $request;
    }
}
