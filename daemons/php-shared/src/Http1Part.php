<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** What of an HTTP/1.1 response is to come next. */
enum Http1Part
{
    case Head;
    /** A body of known length. */
    case Sized;
    /** A body that the connection's end ends. */
    case Unframed;
    case ChunkSize;
    case Chunk;
    /** The line end after a chunk. */
    case ChunkEnd;
    case Trailers;
    case Done;
}
