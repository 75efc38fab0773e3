<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Swoole\TlsRecords;

final class TlsRecordsTest extends TestCase
{
    /** @dataProvider ends */
    public function testEnd(bool $alert, string $raw): void
    {
        self::assertSame($alert, TlsRecords::endWithAlert($raw));
    }

    /** @return array<string, array{bool, string}> */
    public static function ends(): array
    {
        $alert = self::record(23, 19);
        $data = self::record(23, 400);
        return [
            'no records: a FIN alone' => [false, ''],
            'an alert of TLS 1.3' => [true, $alert],
            'an alert of TLS 1.2' => [true, self::record(21, 26)],
            'an alert after data' => [true, $data . $alert],
            'an alert after a session ticket' => [true, self::record(23, 230) . $alert],
            'data' => [false, $data],
            'data after an alert' => [false, $alert . $data],
            'an alert that is cut off' => [false, substr($alert, 0, -1)],
            'a header that is cut off' => [false, $data . substr($alert, 0, 4)],
        ];
    }

    private static function record(int $type, int $length): string
    {
        return pack('Cnn', $type, 0x0303, $length) . str_repeat('x', $length);
    }
}
