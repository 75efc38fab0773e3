<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\Options;
use StreamingDaemon\UsageError;
use Swoole\Coroutine;
use Swoole\Event;

/** Runs the daemon in Swoole's scheduler, and knows the exit status. */
final class Main
{
    public static function run(Options $options): int
    {
        // Sockets here are waited for where they are used. Hooks would wrap PHP's own in
        // Swoole's, whose TLS does not verify IP addresses.
        Coroutine::set(['hook_flags' => 0, 'log_level' => SWOOLE_LOG_NONE, 'max_coroutine' => 1_000_000]);
        // Events and timers only wake coroutines that are there already.
        swoole_async_set(['enable_coroutine' => false]);
        $status = 0;
        Coroutine\run(static function () use ($options, &$status): void {
            try {
                (new Daemon($options))->run();
            } catch (UsageError $error) {
                fwrite(STDERR, "streaming-daemon: {$error->getMessage()}\n");
                $status = 2;
            }
            Event::exit(); // nobody waits for the timers and coroutines that are left
        });
        return $status;
    }
}
