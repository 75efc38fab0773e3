<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

/** A timeout of the API. */
final class Late extends \RuntimeException
{
}
