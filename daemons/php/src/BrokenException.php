<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\StreamException;

/** The failure of a connection to the API: it broke, was cut, or violated the protocol. */
class BrokenException extends StreamException
{
}
