<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

/** The failure of a client that closed, reset or shut down its side, or read nothing for too long. */
final class ClientLeft extends \RuntimeException
{
}
