<?php

declare(strict_types=1);

/*
 * Loads the daemon's classes, StreamingDaemon\Swow\Name from src/Name.php, and the library beside it.
 */

require __DIR__ . '/../php-shared/autoload.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'StreamingDaemon\\Swoole\\')) {
        $file = __DIR__ . '/src/' . substr($class, 21) . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});

/*
 * All of them now: a class that is first needed when no descriptor is left could not be loaded (L4).
 */
foreach (['/../php-shared/src/*.php', '/../php-shared/src/*/*.php', '/src/*.php'] as $pattern) {
    foreach (glob(__DIR__ . $pattern) ?: [] as $file) {
        require_once $file;
    }
}
