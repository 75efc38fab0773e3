"""A script: what the mock API does for one request, as data.

A script is a head, steps and an ending. The steps (steps.py) are played in order. Every
field does one thing and composes with all others. The default of each field is that of a
well-behaved answer.

This module knows no protocol: http1/response.py and http2/response.py compile a script into
bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mock_api.language.cutting import Cuts
from mock_api.language.reading import Reading
from mock_api.language.steps import Step, body_size

Headers = tuple[tuple[str, str], ...]
"""Names in lower case, in order."""


class Framing(Enum):
    """How HTTP/1.1 marks the end of the body. HTTP/2 always marks it with END_STREAM."""

    CHUNKED = "chunked"
    LENGTH = "length"
    CLOSE = "close"
    RAW = "raw"
    """The mock frames nothing: the script's own bytes do that, right or wrong."""


class Ending(Enum):
    """What follows the last step."""

    CLEAN = "clean"
    """The body ends as its framing requires."""
    ABORT = "abort"
    """HTTP/1.1: the connection is closed (FIN, no close_notify) without the body's end.
    HTTP/2: the stream is reset with INTERNAL_ERROR."""
    RESET = "reset"
    """HTTP/1.1: the connection is reset (RST). HTTP/2: RST_STREAM with the script's code."""
    DROP = "drop"
    """The connection is closed, on HTTP/2 with all its streams."""


class Afterwards(Enum):
    """What the mock does with the connection after a clean end."""

    KEEP = "keep"
    """What HTTP requires."""
    CLOSE = "close"
    """It is closed at once, without notice."""
    CLOSE_ON_REQUEST = "close_on_request"
    """It is closed, without an answer, when the next request begins."""
    RESET_ON_REQUEST = "reset_on_request"
    """It is reset when the next request begins."""


class Encoding(Enum):
    """The body's compression; the header content-encoding names it."""

    IDENTITY = "identity"
    GZIP = "gzip"
    """The client can decompress each write when it arrives."""


INTERNAL_ERROR = 0x2
"""RFC 9113 7: the code of a server that fails in the middle of a response."""


@dataclass(frozen=True, slots=True)
class Informational:
    """A 1xx response, before the head."""

    status: int
    headers: Headers = ()


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """What the mock does for one request. Compared by identity: it is compiled once."""

    status: int = 200
    headers: Headers = ()
    """Without those of the framing (Content-Length, Transfer-Encoding), unless it is raw."""
    steps: tuple[Step, ...] = ()
    framing: Framing = Framing.CHUNKED
    ending: Ending = Ending.CLEAN
    reset_code: int = INTERNAL_ERROR
    """The code of RST_STREAM if the ending is a reset."""
    hold: int = 0
    """The gate that must be open before the head leaves; 0: it leaves at once."""
    head: bytes | None = None
    """HTTP/1.1: these bytes replace the status line and the headers; nothing is added.
    HTTP/2: empty bytes leave out HEADERS; other bytes change nothing."""
    informational: tuple[Informational, ...] = ()
    """These go before the head."""
    trailers: Headers = ()
    """After the last HTTP chunk, or with END_STREAM."""
    chunk_extension: str = ""
    """Follows each chunk's size."""
    padding: int | None = None
    """HTTP/2: bytes of padding in every DATA and HEADERS frame; None: not padded."""
    reset_after_end: int | None = None
    """HTTP/2: RST_STREAM with this code follows the end of the stream."""
    encoding: Encoding = Encoding.IDENTITY
    cuts: Cuts | None = None
    reading: Reading | None = None
    """How the request is read; None: as it arrives, to its end."""
    afterwards: Afterwards = Afterwards.KEEP

    @property
    def all_headers(self) -> Headers:
        """The headers, and content-encoding for a compressed body."""
        if self.encoding is Encoding.IDENTITY:
            return self.headers
        return (*self.headers, ("content-encoding", self.encoding.value))

    @property
    def body_size(self) -> int | None:
        """Bytes of the body; None: it has no end."""
        return body_size(self.steps)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Scripts for one exchange's requests, one after the other; the last one repeats."""

    scripts: tuple[Script, ...]
