<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The API's address, and the settings for its connections, from the environment. It ignores proxy variables. */
final class Api
{
    /** The target of requests: the base's path with /chat/completions. */
    public readonly string $path;

    private function __construct(
        public readonly bool $tls,
        public readonly string $host,
        public readonly int $port,
        string $basePath,
        public readonly string $key,
        /** A Unix socket to connect to instead of host and port, or null. */
        public readonly ?string $socket,
        public readonly bool $http2,
        public readonly ?string $caFile,
        public readonly bool $insecure,
    ) {
        $this->path = rtrim($basePath, '/') . '/chat/completions';
    }

    /**
     * @param array<string, string> $environment
     * @throws UsageError
     */
    public static function fromEnvironment(array $environment): self
    {
        $base = ($environment['OPENAI_API_BASE'] ?? '') ?: 'https://api.openai.com/v1';
        $url = preg_match('/[\x00-\x20\x7f]/', $base) ? false : parse_url($base);
        $scheme = strtolower($url['scheme'] ?? '');
        if ($url === false || ($url['host'] ?? '') === '' || !in_array($scheme, ['http', 'https'], true)) {
            throw new UsageError('OPENAI_API_BASE: expected a URL like https://api.openai.com/v1');
        }
        $key = trim($environment['OPENAI_API_KEY'] ?? '');
        if (preg_match('/[\x00-\x1f\x7f]/', $key)) {
            throw new UsageError('OPENAI_API_KEY: expected characters that are valid in a header');
        }
        $caFile = $environment['OPENAI_CA_FILE'] ?? '';
        if ($caFile !== '' && $scheme === 'https' && !is_readable($caFile)) {
            throw new UsageError("OPENAI_CA_FILE: cannot read $caFile");
        }
        return new self(
            $scheme === 'https',
            $url['host'],
            $url['port'] ?? ($scheme === 'https' ? 443 : 80),
            $url['path'] ?? '',
            $key,
            ($environment['OPENAI_API_SOCKET'] ?? '') ?: null,
            self::boolean($environment, 'OPENAI_HTTP2_ENABLED', true),
            $caFile ?: null,
            self::boolean($environment, 'OPENAI_INSECURE_SSL', false),
        );
    }

    /** Returns the value of Host or :authority. */
    public function authority(): string
    {
        $default = $this->tls ? 443 : 80;
        return $this->port === $default ? $this->host : "$this->host:$this->port";
    }

    /** Returns the host for TLS: an IPv6 address without its brackets. */
    public function peerName(): string
    {
        return trim($this->host, '[]');
    }

    /**
     * Returns the headers of a job's request, except those of the protocol (host, content-length,
     * connection).
     *
     * @return array<string, string> by lower-case name
     */
    public function headers(Job $job): array
    {
        return array_filter([
            'authorization' => $this->key === '' ? '' : "Bearer $this->key",
            'content-type' => 'application/json',
            'accept' => 'text/event-stream',
            'accept-encoding' => 'identity',
            'x-test-pattern' => $job->testPattern,
            'x-request-id' => $job->requestId,
        ], static fn (string $value): bool => $value !== '');
    }

    /** @param array<string, string> $environment */
    private static function boolean(array $environment, string $name, bool $default): bool
    {
        $text = $environment[$name] ?? '';
        return match (strtolower($text)) {
            '' => $default,
            '1', 't', 'true', 'yes', 'on' => true,
            '0', 'f', 'false', 'no', 'off' => false,
            default => throw new UsageError("$name is \"$text\": expected true or false"),
        };
    }
}
