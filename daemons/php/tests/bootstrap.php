<?php

declare(strict_types=1);

require __DIR__ . '/../vendor/autoload.php';
require __DIR__ . '/../autoload.php';

StreamingDaemon\Amp\Loop\EpollDriver::replaceSelect(); // the loop that the daemon itself has here
