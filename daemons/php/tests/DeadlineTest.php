<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Amp\Deadline;

use function Amp\delay;

/** Tests of the deadline: it passes once, after its last extension, or never. */
final class DeadlineTest extends TestCase
{
    public function testPassesOnceAndNotBeforeItsLastExtension(): void
    {
        $passed = [];
        $deadline = new Deadline(static function () use (&$passed): void {
            $passed[] = Deadline::now();
        });
        $deadline->set(0.05);
        delay(0.03);
        $deadline->set(0.05);
        $least = Deadline::now() + 0.05;
        delay(0.2);
        self::assertCount(1, $passed);
        self::assertGreaterThanOrEqual($least - 0.002, $passed[0]);
    }

    public function testLiftedAndCancelled(): void
    {
        $deadline = new Deadline(static fn () => self::fail('the deadline passed'));
        $deadline->set(0.01);
        $deadline->lift();
        delay(0.03);
        $deadline->set(0.01);
        $deadline->cancel();
        delay(0.03);
        $this->addToAssertionCount(1);
    }
}
