<?php

declare(strict_types=1);

require __DIR__ . '/../vendor/autoload.php';
require __DIR__ . '/../autoload.php';

StreamingDaemon\Amp\Loop\EpollDriver::replaceSelect(); // the daemon's own event loop
