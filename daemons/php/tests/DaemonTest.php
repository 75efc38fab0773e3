<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests;

use PHPUnit\Framework\TestCase;

/** Tests of the program: its options, its exit statuses, its socket. */
final class DaemonTest extends TestCase
{
    private const PROGRAM = __DIR__ . '/../streaming-daemon';

    public function testHelp(): void
    {
        [$status, $out] = $this->outcome(['--help']);
        self::assertSame(0, $status);
        self::assertStringContainsString('--first-byte-timeout SECONDS', $out);
    }

    public function testBadOptions(): void
    {
        [$status, , $err] = $this->outcome(['--socket', '/s', '--idle-timeout', 'soon']);
        self::assertSame([2, "streaming-daemon: --idle-timeout is \"soon\": expected seconds, such as 2 or 0.5\n"], [
            $status, $err,
        ]);
    }

    /** The daemon handles a signal as soon as the socket accepts. */
    public function testStopsAtOnceWhenReady(): void
    {
        $path = sys_get_temp_dir() . '/daemon-' . bin2hex(random_bytes(6)) . '.sock';
        $process = $this->start(['--socket', $path], $pipes);
        $probe = socket_create(AF_UNIX, SOCK_SEQPACKET, 0);
        for ($until = hrtime(true) + 10_000_000_000; !@socket_connect($probe, $path); usleep(1000)) {
            self::assertLessThan($until, hrtime(true), 'the daemon does not listen');
        }
        self::assertSame(0660, fileperms($path) & 0777);
        socket_close($probe);
        proc_terminate($process, SIGTERM);
        stream_get_contents($pipes[2]); // waits for the end of the daemon
        self::assertSame(0, proc_close($process));
        self::assertFileDoesNotExist($path);
    }

    /**
     * @param list<string> $arguments
     * @return array{int, string, string}
     */
    private function outcome(array $arguments): array
    {
        $process = $this->start($arguments, $pipes);
        $out = (string) stream_get_contents($pipes[1]);
        $err = (string) stream_get_contents($pipes[2]);
        return [proc_close($process), $out, $err];
    }

    /**
     * @param list<string> $arguments
     * @param array<int, resource>|null $pipes
     * @return resource
     */
    private function start(array $arguments, ?array &$pipes)
    {
        $process = proc_open(['php', self::PROGRAM, ...$arguments], [1 => ['pipe', 'w'], 2 => ['pipe', 'w']], $pipes);
        return is_resource($process) ? $process : self::fail('the daemon does not start');
    }
}
