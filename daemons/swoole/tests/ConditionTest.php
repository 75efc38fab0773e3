<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Swoole\Clock;
use StreamingDaemon\Swoole\Condition;
use Swoole\Coroutine;
use Swoole\Timer;

/** @requires extension swoole */
final class ConditionTest extends TestCase
{
    private Condition $condition;

    protected function setUp(): void
    {
        swoole_async_set(['enable_coroutine' => false]);
        $this->condition = new Condition();
    }

    public function testDoesNotWaitIfItHolds(): void
    {
        self::assertTrue($this->condition->wait(static fn (): bool => true, 0.0));
    }

    public function testWaitsUntilItHolds(): void
    {
        $state = [];
        Coroutine\run(function () use (&$state): void {
            Coroutine::create(function () use (&$state): void {
                $changed = static function () use (&$state): bool {
                    return isset($state['changed']);
                };
                $state['held'] = $this->condition->wait($changed);
                $state['resumed'] = true;
            });
            $this->condition->notify(); // it does not hold yet, so the wait continues
            $state['waits'] = !isset($state['resumed']);
            $state['changed'] = true;
            $this->condition->notify();
        });
        self::assertSame(['waits' => true, 'changed' => true, 'held' => true, 'resumed' => true], $state);
    }

    /** A notification just before the wait is not lost. */
    public function testANotificationIsNotLost(): void
    {
        $checks = 0;
        Coroutine\run(function () use (&$checks): void {
            $this->condition->notify();
            $this->condition->wait(static function () use (&$checks): bool {
                return ++$checks === 2;
            });
        });
        self::assertSame(2, $checks);
    }

    public function testDeadline(): void
    {
        $held = null;
        Coroutine\run(function () use (&$held): void {
            $held = $this->condition->wait(static fn (): bool => false, Clock::now() + 0.01);
        });
        self::assertFalse($held);
        self::assertSame([], iterator_to_array(Timer::list()));
    }

    public function testInterruptionEndsEveryWait(): void
    {
        $caught = [];
        Coroutine\run(function () use (&$caught): void {
            Coroutine::create(function () use (&$caught): void {
                foreach ([false, true] as $holds) {
                    try {
                        $this->condition->wait(static fn (): bool => $holds);
                    } catch (\DomainException $error) {
                        $caught[] = $error->getMessage();
                    }
                }
            });
            $this->condition->interrupt(new \DomainException('the first'));
            $this->condition->interrupt(new \DomainException('the second'));
        });
        self::assertSame(['the first', 'the first'], $caught);
    }
}
