<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

/** The client closed, reset or shut down its side, or stopped reading for too long. */
final class ClientLeft extends \RuntimeException
{
}
