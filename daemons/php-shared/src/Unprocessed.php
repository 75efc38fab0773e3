<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The API certainly did not process the request: it may be sent again, once (U8). */
final class Unprocessed extends \RuntimeException
{
}
