<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

/** The API's TLS cannot be understood or trusted. */
final class TlsException extends \RuntimeException
{
}
