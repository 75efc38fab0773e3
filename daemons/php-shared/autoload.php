<?php

declare(strict_types=1);

/*
 * The autoloader of this library, without Composer. The file of StreamingDaemon\A\B is src/A/B.php.
 */

spl_autoload_register(static function (string $class): void {
    $name = str_starts_with($class, 'StreamingDaemon\\') ? substr($class, 16) : '';
    if ($name !== '') {
        $file = __DIR__ . '/src/' . strtr($name, '\\', '/') . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
