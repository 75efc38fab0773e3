<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

/** The client left or stalled, so it cannot receive an error. */
final class ClientLostException extends \RuntimeException
{
}
