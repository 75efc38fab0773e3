<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** How far the relaying of an answer has come. */
enum RelayState
{
    /** The API has more to say. */
    case Running;
    /** The answer is whole: [DONE] is due. */
    case Finished;
    /** The answer will never be whole: an error event is due. */
    case Failed;
}
