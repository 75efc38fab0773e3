<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Format;
use StreamingDaemon\Options;
use StreamingDaemon\UsageError;

/** Tests of the options and the environment: defaults, values and errors. */
final class OptionsTest extends TestCase
{
    public function testDefaults(): void
    {
        $options = Options::parse(['--socket', '/s'], []);
        self::assertSame(['/s', 0660, 10000, Format::Simple], [
            $options?->socket, $options?->socketMode, $options?->maxConnections, $options?->format,
        ]);
        self::assertSame([5.0, 30.0], [$options?->handoffTimeout, $options?->shutdownTimeout]);
        self::assertSame('api.openai.com', $options?->api->authority());
        self::assertSame('/v1/chat/completions', $options?->api->path);
        self::assertTrue($options?->api->http2);
    }

    public function testValues(): void
    {
        $arguments = ['--socket=/s', '--format', 'openai', '--idle-timeout=.5', '--socket-mode', '600'];
        $options = Options::parse($arguments, [
            'OPENAI_API_BASE' => 'http://[::1]:8080/v1/',
            'OPENAI_HTTP2_ENABLED' => 'false',
            'OPENAI_API_KEY' => ' k ',
        ]);
        self::assertSame([Format::OpenAI, 0.5], [$options?->format, $options?->idleTimeout]);
        self::assertSame(0600, $options?->socketMode);
        self::assertSame(['[::1]:8080', '::1'], [$options?->api->authority(), $options?->api->peerName()]);
        self::assertSame(['/v1/chat/completions', 'k'], [$options?->api->path, $options?->api->key]);
        self::assertFalse($options?->api->http2);
    }

    public function testHelp(): void
    {
        self::assertNull(Options::parse(['--help'], []));
        self::assertStringContainsString('--write-timeout SECONDS', Options::usage('x'));
    }

    /**
     * @dataProvider refused
     * @param list<string> $arguments
     * @param array<string, string> $environment
     */
    public function testRefused(array $arguments, array $environment, string $reason): void
    {
        $this->expectException(UsageError::class);
        $this->expectExceptionMessage($reason);
        Options::parse($arguments, $environment);
    }

    /** @return iterable<array{list<string>, array<string, string>, string}> */
    public static function refused(): iterable
    {
        yield [[], [], '--socket is missing'];
        yield [['/s'], [], '/s is not an option'];
        yield [['--socket'], [], 'expected a value'];
        yield [['--sockets', '/s'], [], '--sockets is not an option'];
        yield [['--socket=/s', '--socket-mode=888'], [], 'expected octal'];
        yield [['--socket=/s', '--max-connections=0'], [], 'expected a number from 1'];
        yield [['--socket=/s', '--idle-timeout=-1'], [], 'expected seconds'];
        yield [['--socket=/s', '--format=x'], [], 'expected simple or openai'];
        yield [['--socket=/s'], ['OPENAI_API_BASE' => 'ftp://x'], 'expected a URL'];
        yield [['--socket=/s'], ['OPENAI_API_KEY' => "a\nb"], 'expected characters that are valid in a header'];
        yield [['--socket=/s'], ['OPENAI_INSECURE_SSL' => 'perhaps'], 'expected true or false'];
        yield [['--socket=/s'], ['OPENAI_CA_FILE' => '/no/such'], 'cannot read /no/such'];
    }
}
