<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow\Tests;

use PHPUnit\Framework\TestCase;
use Socket;
use StreamingDaemon\Client;
use StreamingDaemon\Swow\ClientLeft;
use StreamingDaemon\Swow\ClientSocket;
use Swow\Coroutine;

/** Tests of the client's socket. The test is the client, on a pair of sockets. */
final class ClientSocketTest extends TestCase
{
    /** More bytes than the kernel buffers. */
    private const LARGE = 4 << 20;

    private Socket $peer;
    private ClientSocket $client;

    protected function setUp(): void
    {
        $this->accept(writeTimeout: 60.0);
    }

    public function testWritingWaitsForTheClient(): void
    {
        $text = random_bytes(self::LARGE);
        $writer = Coroutine::run(function () use ($text): void {
            $this->client->write($text);
            $this->client->finish();
        });
        self::assertTrue($writer->isAvailable(), 'the write waits');
        self::assertSame(sha1($text), sha1($this->readToEnd()));
    }

    /** The rest of an interrupted write comes first, so that no event is cut. */
    public function testTheRestOfAnInterruptedWriteComesFirst(): void
    {
        $text = random_bytes(self::LARGE);
        $writer = Coroutine::run(function () use ($text): void {
            try {
                $this->client->write($text);
            } catch (\RuntimeException $cancelled) {
                self::assertInstanceOf(\DomainException::class, $cancelled->getPrevious());
                $this->client->write('last words');
                $this->client->finish();
            }
        });
        $writer->throw(new \DomainException('interrupted'));
        self::assertSame(sha1("{$text}last words"), sha1($this->readToEnd()));
    }

    public function testAClientThatReadsNothingTimesOut(): void
    {
        $this->accept(writeTimeout: 0.05);
        $this->expectException(ClientLeft::class);
        $this->client->write(str_repeat('x', self::LARGE));
    }

    public function testNoticesThatTheClientLeft(): void
    {
        $left = 0;
        $this->client->watch(static function () use (&$left): void {
            ++$left;
        });
        socket_write($this->peer, 'these bytes are discarded');
        msleep(1);
        self::assertSame(0, $left);
        self::assertTrue($this->client->isPresent());
        socket_shutdown($this->peer, 1);
        for ($attempts = 1000; $left === 0 && $attempts > 0; --$attempts) {
            msleep(1);
        }
        self::assertSame(1, $left);
        self::assertFalse($this->client->isPresent());
    }

    private function accept(float $writeTimeout): void
    {
        socket_create_pair(AF_UNIX, SOCK_STREAM, 0, $pair);
        [$this->peer, $socket] = $pair;
        socket_set_nonblock($this->peer);
        $this->client = new ClientSocket(Client::adopt($socket), $writeTimeout);
    }

    private function readToEnd(): string
    {
        $text = '';
        while (($bytes = @socket_read($this->peer, 65536)) !== '') {
            $bytes === false ? msleep(1) : $text .= $bytes;
        }
        socket_close($this->peer); // ends the linger
        return $text;
    }
}
