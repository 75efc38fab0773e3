<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The failure of a request that the API certainly did not process. It may be retried once (U8). */
final class Unprocessed extends \RuntimeException
{
}
