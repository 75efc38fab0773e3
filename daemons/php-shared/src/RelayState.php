<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The state of a relay. */
enum RelayState
{
    /** The answer is incomplete. */
    case Running;
    /** The answer is complete: send [DONE]. */
    case Finished;
    /** The answer has failed: send an error event. */
    case Failed;
}
