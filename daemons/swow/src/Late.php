<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

/** The API let the time pass that it was given. */
final class Late extends \RuntimeException
{
}
