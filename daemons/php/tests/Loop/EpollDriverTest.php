<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests\Loop;

use PHPUnit\Framework\TestCase;
use Revolt\EventLoop\Driver;
use StreamingDaemon\Amp\Loop\EpollDriver;

/** Tests of the event loop on real sockets. */
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
        [$watched, $other] = self::pair();
        fwrite($other, 'x');
        $called = [];
        $this->loop->onReadable($watched, $this->recording('read', $called));
        $this->loop->onWritable($watched, $this->recording('write', $called));
        $this->loop->run();
        sort($called);
        self::assertSame(['read', 'write'], $called);
    }

    /** A disabled callback does not receive a hangup. Otherwise the loop would turn without end. */
    public function testOnlyEnabledCallbacksReceiveAHangup(): void
    {
        [$watched, $other] = self::pair();
        $reads = 0;
        $id = $this->loop->onReadable($watched, function (string $id) use (&$reads): void {
            ++$reads;
            $this->loop->disable($id);
        });
        fclose($other);
        $this->turn();
        self::assertSame(1, $reads);
        $this->turn();
        self::assertSame(0, $this->watched());
        $this->loop->enable($id);
        $this->turn();
        self::assertSame(2, $reads);
    }

    /** A close does not end the watch if another process holds the socket too. A cancel does. */
    public function testCancelledCallbacksAreNotWatched(): void
    {
        [$watched, $other] = self::pair();
        $reader = $this->loop->onReadable($watched, static fn (): mixed => self::fail('expected no bytes to read'));
        $writer = $this->loop->onWritable($watched, static function (): void {
        });
        $this->turn();
        self::assertSame(1, $this->watched());
        $this->loop->cancel($writer);
        self::assertSame(1, $this->watched());
        $this->loop->cancel($reader);
        self::assertSame(0, $this->watched());
        fclose($other);
    }

    public function testBeyondTheReachOfSelect(): void
    {
        if ((posix_getrlimit()['soft openfiles'] ?? 0) < 1400) {
            self::markTestSkipped('this needs 1,400 descriptors');
        }
        $pairs = array_map(static fn (): array => self::pair(), range(1, 600));
        [$watched, $other] = end($pairs);
        fwrite($other, 'x');
        $called = [];
        $this->loop->onReadable($watched, $this->recording('read', $called));
        $this->loop->run();
        self::assertSame(['read'], $called);
    }

    /** A signal just before the wait ends the wait. */
    public function testASignalBeforeTheWait(): void
    {
        $signals = 0;
        $id = $this->loop->onSignal(SIGUSR1, function (string $id) use (&$signals): void {
            ++$signals;
            $this->loop->cancel($id);
        });
        $this->loop->unreference($this->loop->delay(10, static fn (): mixed => self::fail('the loop waited')));
        $this->loop->defer(static function (): void {
            posix_kill(posix_getpid(), SIGUSR1);
        });
        $this->loop->run();
        self::assertSame(1, $signals);
        pcntl_sigprocmask(SIG_BLOCK, [], $blocked);
        self::assertNotContains(SIGUSR1, $blocked, 'the loop unblocks the signal');
        $this->loop->cancel($id);
    }

    public function testTimersPassInOrderAndNotTooEarly(): void
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

    /** Runs one turn of the loop. */
    private function turn(): void
    {
        $this->loop->delay(0.001, $this->loop->stop(...));
        $this->loop->run();
    }

    /** Returns how many descriptors the kernel watches for the loop. */
    private function watched(): int
    {
        return substr_count((string) file_get_contents("/proc/self/fdinfo/$this->epoll"), 'tfd:');
    }

    /** @return list<string> this process's epoll descriptors */
    private static function epolls(): array
    {
        $isEpoll = static fn (string $number): bool => @readlink("/proc/self/fd/$number") === 'anon_inode:[eventpoll]';
        return array_values(array_filter(scandir('/proc/self/fd') ?: [], $isEpoll));
    }

    /**
     * @param list<string> $called
     * @return \Closure(string):void
     */
    private function recording(string $name, array &$called): \Closure
    {
        return function (string $id) use ($name, &$called): void {
            $called[] = $name;
            $this->loop->cancel($id);
        };
    }

    /** @return array{resource, resource} */
    private static function pair(): array
    {
        return stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) ?: self::fail();
    }
}
