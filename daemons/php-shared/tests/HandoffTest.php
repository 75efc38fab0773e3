<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use Socket;
use StreamingDaemon\Dropped;
use StreamingDaemon\Handoff;
use StreamingDaemon\Problem;

/** Handoffs over real sockets: which descriptor is served, and that no other is held. */
final class HandoffTest extends TestCase
{
    private Socket $sender;
    private Socket $peer;

    protected function setUp(): void
    {
        socket_create_pair(AF_UNIX, SOCK_SEQPACKET, 0, $pair);
        [$this->sender, $this->peer] = $pair;
    }

    public function testNothingYet(): void
    {
        self::assertNull(Handoff::receive($this->peer));
    }

    /** @dataProvider blocking */
    public function testTheFirstDescriptorIsServed(bool $blocking): void
    {
        $before = self::descriptors();
        [$client, $ours] = self::pair();
        [$other, $another] = self::pair();
        stream_set_blocking($ours, $blocking);
        $this->send('{"prompt":"x"}', [$ours, $other, fopen('/dev/null', 'r')]);
        fclose($ours);
        fclose($other);
        $handoff = Handoff::receive($this->peer);
        self::assertNotNull($handoff);
        self::assertSame('{"prompt":"x"}', $handoff->data);
        self::assertSame('', fread($another, 1), 'the second descriptor is closed');
        self::assertTrue(feof($another));

        self::assertSame(0, $handoff->client->discard(), 'nothing has come');
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
        [, $ours] = self::pair();
        $this->send('{}', [$ours]);
        $held = self::descriptors();
        $handoff = Handoff::receive($this->peer);
        [$received] = array_values(array_diff(self::descriptors(), $held));
        preg_match('/^flags:\s*0?(\d+)$/m', (string) file_get_contents("/proc/self/fdinfo/$received"), $flags);
        self::assertNotSame(0, octdec($flags[1]) & 02000000);
        self::assertNotNull($handoff);
        self::assertNotSame($before, $held);
    }

    /** @dataProvider worthless */
    public function testWhatIsNoClientIsClosed(\Closure $make, string $reason): void
    {
        $resource = $make();
        $before = self::descriptors();
        $this->send('{"prompt":"x"}', $resource === null ? [] : [$resource]);
        try {
            Handoff::receive($this->peer);
            self::fail('it was served');
        } catch (Dropped $error) {
            self::assertStringContainsString($reason, $error->getMessage());
        }
        self::assertSame($before, self::descriptors());
    }

    /** @return iterable<string, array{\Closure, string}> */
    public static function worthless(): iterable
    {
        $reason = 'no connected stream socket';
        yield 'none' => [static fn () => null, 'no descriptor'];
        yield 'a file' => [static fn () => fopen(__FILE__, 'r'), $reason];
        yield 'a listening socket' => [static fn () => stream_socket_server('tcp://127.0.0.1:0'), $reason];
        yield 'a datagram socket' => [
            static fn () => stream_socket_server('udp://127.0.0.1:0', flags: STREAM_SERVER_BIND),
            $reason,
        ];
    }

    public function testAPeerThatLeavesIsNoHandoffAndNoFault(): void
    {
        socket_close($this->sender);
        try {
            Handoff::receive($this->peer);
            self::fail('it was served');
        } catch (Dropped $error) {
            self::assertTrue($error->quiet);
        }
    }

    public function testSizes(): void
    {
        socket_set_option($this->sender, SOL_SOCKET, SO_SNDBUF, 1 << 20);
        [, $ours] = self::pair();
        $data = '{"prompt":"' . str_repeat('x', 131_059) . '"}';
        $this->send($data, [$ours]);
        self::assertSame($data, Handoff::receive($this->peer)?->data);

        if (socket_get_option($this->sender, SOL_SOCKET, SO_SNDBUF) < 300_000) {
            self::markTestSkipped('the kernel lets no larger message through');
        }
        $this->send(str_repeat('x', (256 << 10) + 1), [$ours]);
        $handoff = Handoff::receive($this->peer);
        self::assertTrue($handoff?->truncated);
        $this->expectExceptionObject(Problem::handoffTooLarge());
        $handoff->job();
    }

    /** @param list<resource> $descriptors streams: PHP sends those of Socket objects wrong */
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
        // The folder's own descriptor is listed too, and closed by now.
        return array_values(array_filter($listed, static fn (string $fd): bool => is_link("/proc/self/fd/$fd")));
    }
}
