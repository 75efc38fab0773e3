<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use Socket;
use StreamingDaemon\Dropped;
use StreamingDaemon\Handoff;
use StreamingDaemon\Problem;

/** Tests of handoffs over real sockets: the first descriptor is served, and all others are closed. */
final class HandoffTest extends TestCase
{
    private Socket $sender;
    private Socket $peer;

    protected function setUp(): void
    {
        socket_create_pair(AF_UNIX, SOCK_SEQPACKET, 0, $pair);
        [$this->sender, $this->peer] = $pair;
    }

    public function testNoMessageYet(): void
    {
        self::assertNull(Handoff::receive($this->peer));
    }

    /** @dataProvider blocking */
    public function testTheFirstDescriptorIsServed(bool $blocking): void
    {
        $before = self::descriptors();
        [$client, $sent] = self::pair();
        [$other, $another] = self::pair();
        stream_set_blocking($sent, $blocking);
        $this->send('{"prompt":"x"}', [$sent, $other, fopen('/dev/null', 'r')]);
        fclose($sent);
        fclose($other);
        $handoff = Handoff::receive($this->peer);
        self::assertNotNull($handoff);
        self::assertSame('{"prompt":"x"}', $handoff->data);
        self::assertSame('', fread($another, 1), 'the second descriptor is closed');
        self::assertTrue(feof($another));

        self::assertSame(0, $handoff->client->discard(), 'the client has sent nothing');
        fwrite($client, 'abc');
        self::assertSame(3, $handoff->client->discard());
        self::assertSame(2, $handoff->client->write('hi'));
        self::assertSame('hi', fread($client, 9));
        $handoff->client->shutdown();
        self::assertSame('', fread($client, 9));
        fclose($client);
        self::assertNull($handoff->client->discard(), 'the client has left');
        $handoff->client->close();
        fclose($another);
        self::assertSame($before, self::descriptors());
    }

    /** @return iterable<array{bool}> */
    public static function blocking(): iterable
    {
        return [[true], [false]];
    }

    public function testCloseOnExec(): void
    {
        $before = self::descriptors();
        [, $sent] = self::pair();
        $this->send('{}', [$sent]);
        $held = self::descriptors();
        $handoff = Handoff::receive($this->peer);
        [$received] = array_values(array_diff(self::descriptors(), $held));
        preg_match('/^flags:\s*0?(\d+)$/m', (string) file_get_contents("/proc/self/fdinfo/$received"), $flags);
        self::assertNotSame(0, octdec($flags[1]) & 02000000);
        self::assertNotNull($handoff);
        self::assertNotSame($before, $held);
    }

    /** @dataProvider notClients */
    public function testOtherDescriptorsAreClosed(\Closure $make, string $reason): void
    {
        $resource = $make();
        $before = self::descriptors();
        $this->send('{"prompt":"x"}', $resource === null ? [] : [$resource]);
        try {
            Handoff::receive($this->peer);
            self::fail('expected Dropped, found a handoff');
        } catch (Dropped $error) {
            self::assertStringContainsString($reason, $error->getMessage());
        }
        self::assertSame($before, self::descriptors());
    }

    /** @return iterable<string, array{\Closure, string}> */
    public static function notClients(): iterable
    {
        $reason = 'expected a connected stream socket';
        yield 'none' => [static fn () => null, 'expected a descriptor'];
        yield 'a file' => [static fn () => fopen(__FILE__, 'r'), $reason];
        yield 'a listening socket' => [static fn () => stream_socket_server('tcp://127.0.0.1:0'), $reason];
        yield 'a datagram socket' => [
            static fn () => stream_socket_server('udp://127.0.0.1:0', flags: STREAM_SERVER_BIND),
            $reason,
        ];
    }

    public function testAPeerThatClosesIsNotAFailure(): void
    {
        socket_close($this->sender);
        try {
            Handoff::receive($this->peer);
            self::fail('expected Dropped, found a handoff');
        } catch (Dropped $error) {
            self::assertTrue($error->quiet);
        }
    }

    public function testSizes(): void
    {
        socket_set_option($this->sender, SOL_SOCKET, SO_SNDBUF, 1 << 20);
        [, $sent] = self::pair();
        $data = '{"prompt":"' . str_repeat('x', 131_059) . '"}';
        $this->send($data, [$sent]);
        self::assertSame($data, Handoff::receive($this->peer)?->data);

        if (socket_get_option($this->sender, SOL_SOCKET, SO_SNDBUF) < 300_000) {
            self::markTestSkipped('the kernel does not allow a larger message');
        }
        $this->send(str_repeat('x', (256 << 10) + 1), [$sent]);
        $handoff = Handoff::receive($this->peer);
        self::assertTrue($handoff?->truncated);
        $this->expectExceptionObject(Problem::handoffTooLarge());
        $handoff->job();
    }

    /** @param list<resource> $descriptors streams, because PHP sends the descriptors of Socket objects wrongly */
    private function send(string $data, array $descriptors): void
    {
        $rights = ['level' => SOL_SOCKET, 'type' => SCM_RIGHTS, 'data' => $descriptors];
        $message = ['iov' => [$data]] + ($descriptors === [] ? [] : ['control' => [$rights]]);
        self::assertSame(strlen($data), socket_sendmsg($this->sender, $message, 0));
    }

    /** @return array{resource, resource} */
    private static function pair(): array
    {
        return stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) ?: throw new \RuntimeException('no pair');
    }

    /** @return list<string> */
    private static function descriptors(): array
    {
        $listed = scandir('/proc/self/fd') ?: [];
        // The list has the folder's own descriptor too, which is closed now.
        return array_values(array_filter($listed, static fn (string $fd): bool => is_link("/proc/self/fd/$fd")));
    }
}
