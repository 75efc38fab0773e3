<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Listener;
use StreamingDaemon\Swow\ListenerStream;
use StreamingDaemon\UsageError;

final class ListenerStreamTest extends TestCase
{
    private string $path;

    protected function setUp(): void
    {
        $this->path = sys_get_temp_dir() . '/listener-' . bin2hex(random_bytes(6));
    }

    public function testIsReadableWhenAPeerHasConnected(): void
    {
        $listener = Listener::open($this->path, 0600);
        $stream = ListenerStream::of($this->path);
        self::assertSame(STREAM_POLLNONE, stream_poll_one($stream, STREAM_POLLIN, 1));
        $peer = socket_create(AF_UNIX, SOCK_SEQPACKET, 0);
        socket_connect($peer, $this->path);
        self::assertSame(STREAM_POLLIN, stream_poll_one($stream, STREAM_POLLIN, 1000));
        self::assertNotNull($listener->accept());
        $listener->close();
    }

    /** A predecessor may still listen on a removed file of the same path. */
    public function testFindsTheSocketOfThisProcess(): void
    {
        $other = proc_open([PHP_BINARY, '-r', <<<'PHP'
            $socket = socket_create(AF_UNIX, SOCK_SEQPACKET, 0);
            socket_bind($socket, $argv[1]);
            socket_listen($socket);
            echo "listening\n";
            fgets(STDIN);
            PHP, $this->path], [['pipe', 'r'], ['pipe', 'w']], $pipes);
        fgets($pipes[1]);
        unlink($this->path);
        $listener = Listener::open($this->path, 0600);
        $peer = socket_create(AF_UNIX, SOCK_SEQPACKET, 0);
        socket_connect($peer, $this->path);
        self::assertSame(STREAM_POLLIN, stream_poll_one(ListenerStream::of($this->path), STREAM_POLLIN, 1000));
        $listener->close();
        fclose($pipes[0]);
        proc_close($other);
    }

    public function testFailsWithoutAListener(): void
    {
        $this->expectException(UsageError::class);
        ListenerStream::of($this->path);
    }
}
