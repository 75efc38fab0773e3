<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests\Loop;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Amp\Loop\Descriptors;

/** The number of a stream's descriptor is found, also after others have come and gone. */
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
        [$third] = self::pair(); // The kernel gives the lowest number that is free.
        self::assertSame($number, $descriptors->claim($third));
    }

    public function testNoTwoStreamsOfOneDescriptor(): void
    {
        $descriptors = new Descriptors();
        $socket = socket_create(AF_UNIX, SOCK_STREAM, 0) ?: self::fail();
        $descriptors->claim(socket_export_stream($socket) ?: self::fail());
        $twin = socket_import_stream(socket_export_stream($socket)) ?: self::fail();
        $this->expectExceptionMessage('watched already');
        $descriptors->claim(socket_export_stream($twin));
    }

    public function testNoDescriptorAtAll(): void
    {
        $this->expectExceptionMessage('no descriptor');
        (new Descriptors())->claim(fopen('php://memory', 'r'));
    }

    /** @return array{resource, resource} */
    private static function pair(): array
    {
        return stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) ?: self::fail();
    }
}
