<?php

declare(strict_types=1);

/*
 * The autoloader of this daemon's classes, StreamingDaemon\Swoole\Name from src/Name.php, and of the shared library.
 */

require __DIR__ . '/../php-shared/autoload.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'StreamingDaemon\\Swoole\\')) {
        $file = __DIR__ . '/src/' . substr($class, 23) . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});

/*
 * Load all classes now: loading one opens a file, which later may fail without a free descriptor (L4).
 */
foreach (['/../php-shared/src/*.php', '/../php-shared/src/*/*.php', '/src/*.php'] as $pattern) {
    foreach (glob(__DIR__ . $pattern) ?: [] as $file) {
        require_once $file;
    }
}
