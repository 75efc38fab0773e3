<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests\Loop;

use PHPUnit\Framework\TestCase;
use Revolt\EventLoop\Driver;
use StreamingDaemon\Amp\Loop\EpollDriver;

/** The loop on real sockets: who is told, when, and of what no more. */
final class EpollDriverTest extends TestCase
{
    private Driver $loop;
    private string $epoll;

    protected function setUp(): void
    {
        $others = self::epolls();
        $this->loop = new EpollDriver();
        [$this->epoll] = array_values(array_diff(self::epolls(), $others));
    }

    public function testReadableAndWritableAtOnce(): void
    {
        [$ours, $theirs] = self::pair();
        fwrite($theirs, 'x');
        $told = [];
        $this->loop->onReadable($ours, $this->telling('read', $told));
        $this->loop->onWritable($ours, $this->telling('write', $told));
        $this->loop->run();
        sort($told);
        self::assertSame(['read', 'write'], $told);
    }

    /** Otherwise the loop would turn without an end. */
    public function testAHangupIsForThoseWhoWait(): void
    {
        [$ours, $theirs] = self::pair();
        $reads = 0;
        $id = $this->loop->onReadable($ours, function (string $id) use (&$reads): void {
            ++$reads;
            $this->loop->disable($id);
        });
        fclose($theirs);
        $this->turn();
        self::assertSame(1, $reads);
        $this->turn();
        self::assertSame(0, $this->watched());
        $this->loop->enable($id);
        $this->turn();
        self::assertSame(2, $reads);
    }

    /** Closing does not end the watch where another process holds the socket too; cancelling does. */
    public function testWhatIsCancelledIsWatchedNoMore(): void
    {
        [$ours, $theirs] = self::pair();
        $reader = $this->loop->onReadable($ours, static fn (): mixed => self::fail('there is nothing to read'));
        $writer = $this->loop->onWritable($ours, static function (): void {
        });
        $this->turn();
        self::assertSame(1, $this->watched());
        $this->loop->cancel($writer);
        self::assertSame(1, $this->watched());
        $this->loop->cancel($reader);
        self::assertSame(0, $this->watched());
        fclose($theirs);
    }

    public function testBeyondTheReachOfSelect(): void
    {
        if ((posix_getrlimit()['soft openfiles'] ?? 0) < 1400) {
            self::markTestSkipped('this needs 1,400 descriptors');
        }
        $pairs = array_map(static fn (): array => self::pair(), range(1, 600));
        [$ours, $theirs] = end($pairs);
        fwrite($theirs, 'x');
        $told = [];
        $this->loop->onReadable($ours, $this->telling('read', $told));
        $this->loop->run();
        self::assertSame(['read'], $told);
    }

    /** A signal that came before the loop waits ends the waiting. */
    public function testASignalBeforeTheWait(): void
    {
        $came = 0;
        $id = $this->loop->onSignal(SIGUSR1, function (string $id) use (&$came): void {
            ++$came;
            $this->loop->cancel($id);
        });
        $this->loop->unreference($this->loop->delay(10, static fn (): mixed => self::fail('it waited')));
        $this->loop->defer(static function (): void {
            posix_kill(posix_getpid(), SIGUSR1);
        });
        $this->loop->run();
        self::assertSame(1, $came);
        pcntl_sigprocmask(SIG_BLOCK, [], $blocked);
        self::assertNotContains(SIGUSR1, $blocked, 'the signal is let in again');
        $this->loop->cancel($id);
    }

    public function testTimersInTheirOrderAndNotTooEarly(): void
    {
        $order = [];
        $begun = hrtime(true);
        $last = 0;
        $this->loop->delay(0.02, static function () use (&$order, &$last): void {
            $order[] = 'second';
            $last = hrtime(true);
        });
        $this->loop->delay(0.01, static function () use (&$order): void {
            $order[] = 'first';
        });
        $this->loop->run();
        self::assertSame(['first', 'second'], $order);
        self::assertGreaterThanOrEqual(20_000_000, $last - $begun);
    }

    /** Lets the loop wait once, for nothing or for what is ready. */
    private function turn(): void
    {
        $this->loop->delay(0.001, $this->loop->stop(...));
        $this->loop->run();
    }

    /** How many descriptors the kernel watches for the loop. */
    private function watched(): int
    {
        return substr_count((string) file_get_contents("/proc/self/fdinfo/$this->epoll"), 'tfd:');
    }

    /** @return list<string> the descriptors of this process that are epoll's */
    private static function epolls(): array
    {
        $isEpoll = static fn (string $number): bool => @readlink("/proc/self/fd/$number") === 'anon_inode:[eventpoll]';
        return array_values(array_filter(scandir('/proc/self/fd') ?: [], $isEpoll));
    }

    /**
     * @param list<string> $told
     * @return \Closure(string):void
     */
    private function telling(string $what, array &$told): \Closure
    {
        return function (string $id) use ($what, &$told): void {
            $told[] = $what;
            $this->loop->cancel($id);
        };
    }

    /** @return array{resource, resource} */
    private static function pair(): array
    {
        return stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) ?: self::fail();
    }
}
