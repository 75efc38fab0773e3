<?php

declare(strict_types=1);

/*
 * The autoloader of this daemon's classes and of the shared library, without Composer.
 */

require_once __DIR__ . '/../php-shared/autoload.php';

spl_autoload_register(static function (string $class): void {
    $name = str_starts_with($class, 'StreamingDaemon\\Amp\\') ? strtr(substr($class, 20), '\\', '/') : '';
    $file = __DIR__ . "/src/$name.php";
    if ($name !== '' && is_file($file)) {
        require $file;
    }
});
