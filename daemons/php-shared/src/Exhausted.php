<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The process or the machine has no free descriptor or memory. Try again after a pause (L4). */
final class Exhausted extends \RuntimeException
{
}
