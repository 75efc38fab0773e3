<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\StreamException;

/** A connection to the API broke, was cut, or broke the protocol. */
class BrokenException extends StreamException
{
}
