<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests;

use Amp\TimeoutCancellation;
use PHPUnit\Framework\TestCase;
use StreamingDaemon\Amp\BrokenException;
use StreamingDaemon\Amp\Transport;
use StreamingDaemon\Api;

/** Tests of the transport: it distinguishes a clean end, a reset and a cut (R4). */
final class TransportTest extends TestCase
{
    /** @var list<resource> processes */
    private array $servers = [];

    protected function tearDown(): void
    {
        foreach ($this->servers as $server) {
            proc_terminate($server, SIGKILL);
            proc_close($server);
        }
    }

    public function testPlainEnd(): void
    {
        $transport = $this->connect('http', 'fwrite($peer, "abc"); fclose($peer);');
        self::assertSame('abc', $this->readAll($transport));
    }

    public function testPlainReset(): void
    {
        $reset = 'fwrite($peer, "abc"); $socket = socket_import_stream($peer);'
            . 'socket_set_option($socket, SOL_SOCKET, SO_LINGER, ["l_onoff" => 1, "l_linger" => 0]);'
            . 'fread($peer, 1); fclose($peer);';
        $transport = $this->connect('http', $reset);
        self::assertSame('abc', $transport->read(new TimeoutCancellation(5)));
        $transport->send('x');
        $this->expectException(BrokenException::class);
        $this->readAll($transport);
    }

    public function testCloseNotify(): void
    {
        $transport = $this->connect('https', 'fwrite($peer, "abc"); fclose($peer);');
        self::assertSame('abc', $this->readAll($transport));
    }

    /** A killed process sends a FIN without close_notify. */
    public function testCut(): void
    {
        $transport = $this->connect('https', 'fwrite($peer, "abc"); posix_kill(getmypid(), SIGKILL);');
        self::assertSame('abc', $transport->read(new TimeoutCancellation(5)));
        $this->expectException(BrokenException::class);
        $this->expectExceptionMessage('without close_notify');
        $this->readAll($transport);
    }

    /** A record of two bytes is as long as an alert, but is not an alert. */
    public function testCutAfterTwoBytes(): void
    {
        $transport = $this->connect('https', 'fwrite($peer, "ok"); posix_kill(getmypid(), SIGKILL);');
        self::assertSame('ok', $transport->read(new TimeoutCancellation(5)));
        $this->expectException(BrokenException::class);
        $this->readAll($transport);
    }

    /** send() returns at once while the other side does not read, and the response arrives. */
    public function testSendingDoesNotWait(): void
    {
        $count = 'fwrite($peer, "early"); fread($peer, 1); $n = 1; stream_set_timeout($peer, 5);'
            . 'while ($n < 8_000_000 && ($bytes = fread($peer, 65536)) !== false && $bytes !== "") {'
            . ' $n += strlen($bytes); } fwrite($peer, (string) $n); fclose($peer);';
        foreach (['http', 'https'] as $scheme) {
            $transport = $this->connect($scheme, $count);
            $transport->send(str_repeat('x', 8_000_000));
            self::assertSame('early8000000', $this->readAll($transport), $scheme);
        }
    }

    public function testQuiet(): void
    {
        $transport = $this->connect('http', 'fread($peer, 1); fwrite($peer, "unasked"); fread($peer, 1);');
        self::assertTrue($transport->isQuiet());
        $transport->send('x');
        self::assertSame('unasked', $transport->read(new TimeoutCancellation(5)));
        self::assertTrue($transport->isQuiet());
        $transport->close();
        self::assertFalse($transport->isQuiet());
    }

    private function readAll(Transport $transport): string
    {
        $all = '';
        while (($bytes = $transport->read(new TimeoutCancellation(5))) !== null) {
            $all .= $bytes;
        }
        return $all;
    }

    /** @param string $code the code that a server process runs with the accepted connection in $peer */
    private function connect(string $scheme, string $code): Transport
    {
        $pipes = [];
        $server = proc_open(['php', __DIR__ . '/server.php', $scheme, $code], [1 => ['pipe', 'w']], $pipes);
        self::assertIsResource($server);
        $this->servers[] = $server;
        $port = trim((string) fgets($pipes[1]));
        $api = Api::fromEnvironment([
            'OPENAI_API_BASE' => "$scheme://127.0.0.1:$port",
            'OPENAI_INSECURE_SSL' => 'true',
        ]);
        return Transport::connect($api, ['http/1.1'], new TimeoutCancellation(5));
    }
}
