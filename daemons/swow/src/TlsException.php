<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

/** A failure of TLS: malformed bytes, or an untrusted certificate. */
final class TlsException extends \RuntimeException
{
}
