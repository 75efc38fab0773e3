<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** Invalid options or an invalid environment. The daemon's exit status is 2. */
final class UsageError extends \InvalidArgumentException
{
}
