<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Options;
use StreamingDaemon\UsageError;
use Swoole\Coroutine;
use Swoole\Event;

/** The entry point: it runs the daemon in Swoole's scheduler, and returns the exit status. */
final class Main
{
    public static function run(Options $options): int
    {
        // The daemon waits for its sockets itself. Hooks would replace PHP's streams by Swoole's, whose
        // TLS does not verify IP addresses.
        Coroutine::set(['hook_flags' => 0, 'log_level' => SWOOLE_LOG_NONE, 'max_coroutine' => 1_000_000]);
        // Events and timers only wake existing coroutines, and do not need their own.
        swoole_async_set(['enable_coroutine' => false]);
        $status = 0;
        Coroutine\run(static function () use ($options, &$status): void {
            try {
                (new Daemon($options))->run();
            } catch (UsageError $error) {
                fwrite(STDERR, "streaming-daemon: {$error->getMessage()}\n");
                $status = 2;
            }
            Event::exit(); // ends the remaining timers and coroutines
        });
        return $status;
    }
}
