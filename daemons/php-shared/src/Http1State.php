<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** What an HTTP/1.1 response is expected to go on with. */
enum Http1State
{
    /** The head, or an informational one before it. */
    case Head;
    /** So many bytes, by Content-Length. */
    case Sized;
    /** Bytes until the connection ends. */
    case ToEnd;
    case ChunkSize;
    /** The rest of a chunk. */
    case Chunk;
    /** The CRLF behind a chunk. */
    case ChunkEnd;
    case Trailers;
    /** Nothing: it was whole. */
    case Ended;
    /** Nothing: it broke a rule, or broke off. */
    case Broken;
}
