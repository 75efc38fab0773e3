<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The process or the machine is out of descriptors or memory: try again a moment later (L4). */
final class Exhausted extends \RuntimeException
{
}
