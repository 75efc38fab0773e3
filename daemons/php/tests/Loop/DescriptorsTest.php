<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests\Loop;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Amp\Loop\Descriptors;

/** Tests of the numbers of streams' descriptors, also after other streams were closed. */
final class DescriptorsTest extends TestCase
{
    public function testEachStreamHasItsOwn(): void
    {
        $descriptors = new Descriptors();
        $numbers = [];
        foreach ($streams = [...self::pair(), ...self::pair()] as $stream) {
            $numbers[] = $number = $descriptors->claim($stream);
            self::assertSame('socket:[' . fstat($stream)['ino'] . ']', readlink("/proc/self/fd/$number"));
        }
        self::assertSame($numbers, array_unique($numbers));
        self::assertCount(4, $streams);
    }

    public function testANumberIsUsedAgain(): void
    {
        $descriptors = new Descriptors();
        [$first, $second] = self::pair();
        $descriptors->claim($second);
        $number = $descriptors->claim($first);
        $descriptors->giveBack($number);
        fclose($first);
        [$third] = self::pair(); // The kernel gives the lowest free number.
        self::assertSame($number, $descriptors->claim($third));
    }

    public function testNoTwoStreamsOfOneDescriptor(): void
    {
        $descriptors = new Descriptors();
        $socket = socket_create(AF_UNIX, SOCK_STREAM, 0) ?: self::fail();
        $descriptors->claim(socket_export_stream($socket) ?: self::fail());
        $twin = socket_import_stream(socket_export_stream($socket)) ?: self::fail();
        $this->expectExceptionMessage('expected an unclaimed descriptor');
        $descriptors->claim(socket_export_stream($twin));
    }

    public function testAStreamWithoutADescriptor(): void
    {
        $this->expectExceptionMessage('expected an unclaimed descriptor');
        (new Descriptors())->claim(fopen('php://memory', 'r'));
    }

    /** @return array{resource, resource} */
    private static function pair(): array
    {
        return stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) ?: self::fail();
    }
}
