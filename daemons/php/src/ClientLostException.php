<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

/** The client left or stalled: there is nobody to tell what went wrong. */
final class ClientLostException extends \RuntimeException
{
}
