<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The next part of an HTTP/1.1 response. */
enum Http1Part
{
    case Head;
    /** A body of known length. */
    case Sized;
    /** A body that lasts until the connection's end. */
    case Unframed;
    case ChunkSize;
    case Chunk;
    /** The line end after a chunk. */
    case ChunkEnd;
    case Trailers;
    case Done;
}
