<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

/** The same, and the API has certainly not processed the request: it may be sent again (U8). */
final class UnprocessedException extends BrokenException
{
}
