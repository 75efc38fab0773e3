<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The daemon was started with options or an environment that it cannot serve: exit status 2. */
final class UsageError extends \InvalidArgumentException
{
}
