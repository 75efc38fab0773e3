<?php

declare(strict_types=1);

/*
 * Loads the classes of this library without Composer: StreamingDaemon\Name is src/Name.php.
 */

spl_autoload_register(static function (string $class): void {
    $name = str_starts_with($class, 'StreamingDaemon\\') ? substr($class, 16) : '';
    if ($name !== '' && !str_contains($name, '\\')) {
        $file = __DIR__ . '/src/' . $name . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
