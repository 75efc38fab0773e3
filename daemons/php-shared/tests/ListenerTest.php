<?php

declare(strict_types=1);

namespace StreamingDaemon\Tests;

use PHPUnit\Framework\TestCase;
use Socket;
use StreamingDaemon\Listener;
use StreamingDaemon\UsageError;

/** Tests of the listener: its start next to other sockets, and its end. */
final class ListenerTest extends TestCase
{
    private string $folder;
    private string $path;

    protected function setUp(): void
    {
        $this->folder = sys_get_temp_dir() . '/listener-' . bin2hex(random_bytes(6));
        mkdir($this->folder, 0700);
        $this->path = "$this->folder/daemon.sock";
    }

    protected function tearDown(): void
    {
        array_map(unlink(...), glob("$this->folder/*") ?: []);
        rmdir($this->folder);
    }

    public function testServesWithItsMode(): void
    {
        $listener = Listener::open($this->path, 0600);
        self::assertSame(0600, fileperms($this->path) & 0777);
        self::assertNull($listener->accept());
        self::assertTrue($this->connect());
        self::assertInstanceOf(Socket::class, $listener->accept());
        self::assertNull($listener->accept());
        $listener->close();
        self::assertFileDoesNotExist($this->path);
    }

    public function testReplacesAStaleSocket(): void
    {
        $stale = socket_create(AF_UNIX, SOCK_SEQPACKET, 0);
        socket_bind($stale, $this->path);
        socket_close($stale);
        $listener = Listener::open($this->path, 0660);
        self::assertTrue($this->connect());
        $listener->close();
    }

    public function testRefusesALiveDaemonsSocket(): void
    {
        $live = Listener::open($this->path, 0660);
        try {
            Listener::open($this->path, 0660);
            self::fail('expected UsageError, found a listener');
        } catch (UsageError $error) {
            self::assertStringContainsString('a running daemon serves', $error->getMessage());
        }
        self::assertTrue($this->connect());
        $live->close();
    }

    public function testRefusesAFile(): void
    {
        file_put_contents($this->path, 'precious');
        try {
            Listener::open($this->path, 0660);
            self::fail('expected UsageError, found a listener');
        } catch (UsageError $error) {
            self::assertStringContainsString('is not a socket', $error->getMessage());
        }
        self::assertStringEqualsFile($this->path, 'precious');
    }

    public function testServesTheQueueAndRefusesNewPeers(): void
    {
        $listener = Listener::open($this->path, 0660);
        self::assertTrue($this->connect($early));
        $listener->refuseNewPeers();
        self::assertFileDoesNotExist($this->path);
        self::assertInstanceOf(Socket::class, $listener->accept());
        self::assertNull($listener->accept());
        $listener->close();
    }

    public function testRemovesOnlyItsOwnSocket(): void
    {
        $listener = Listener::open($this->path, 0660);
        unlink($this->path);
        $successor = Listener::open($this->path, 0660);
        $listener->close();
        self::assertTrue($this->connect());
        $successor->close();
    }

    private function connect(?Socket &$socket = null): bool
    {
        $socket = socket_create(AF_UNIX, SOCK_SEQPACKET, 0);
        return @socket_connect($socket, $this->path);
    }
}
