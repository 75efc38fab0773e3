"""A script: what the mock API does for one request, as data.

A script is a head, steps, and an ending. The steps (steps.py) are played in
order. Every field does one thing and composes with all others; each has the
value of a sound answer unless the script says otherwise.

Nothing here knows a protocol. http1_response.py and http2_response.py compile a
script into the bytes they send.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mock_api.language.cutting import Cuts
from mock_api.language.steps import Step, body_size
from mock_api.net.reading import Reading

Headers = tuple[tuple[str, str], ...]
"""Names in lower case, in order."""


class Framing(Enum):
    """How HTTP/1.1 says where the body ends. HTTP/2 always ends it with END_STREAM."""

    CHUNKED = "chunked"
    LENGTH = "length"
    CLOSE = "close"
    RAW = "raw"
    """Nothing is framed and nothing ended: the script's own bytes do that, or fail to."""


class Ending(Enum):
    """What comes after the last step."""

    CLEAN = "clean"
    """The body ends as its framing says."""
    ABORT = "abort"
    """HTTP/1.1: the connection is closed (FIN, no close_notify) without the body's end.
    HTTP/2: the stream is reset with INTERNAL_ERROR."""
    RESET = "reset"
    """HTTP/1.1: the connection is reset (RST). HTTP/2: RST_STREAM with the script's code."""
    DROP = "drop"
    """The connection is closed whatever else it carries, on HTTP/2 too."""


class Afterwards(Enum):
    """What becomes of the connection after a clean end."""

    KEEP = "keep"
    """What HTTP says."""
    CLOSE = "close"
    """It is closed at once, though nothing announced it."""
    CLOSE_ON_REQUEST = "close_on_request"
    """It is closed, unanswered, when the next request begins."""
    RESET_ON_REQUEST = "reset_on_request"
    """It is reset when the next request begins."""


class Encoding(Enum):
    """What the body is compressed with; headers that say so are the script's own."""

    IDENTITY = "identity"
    GZIP = "gzip"
    """After each write everything can be decompressed that was written."""


INTERNAL_ERROR = 0x2
"""RFC 9113 7: what a server says that fails in the middle of a response."""


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
    """Without the framing's own (Content-Length, Transfer-Encoding), unless that is raw."""
    steps: tuple[Step, ...] = ()
    framing: Framing = Framing.CHUNKED
    ending: Ending = Ending.CLEAN
    reset_code: int = INTERNAL_ERROR
    """The code of RST_STREAM where the ending is a reset."""
    hold: int = 0
    """The gate that must be open before the head leaves; 0: it leaves at once."""
    head: bytes | None = None
    """HTTP/1.1: these bytes stand for the status line and the headers, and nothing is added.
    HTTP/2: where they are empty there are no HEADERS; else they change nothing."""
    informational: tuple[Informational, ...] = ()
    """These go before the head, whatever that is."""
    trailers: Headers = ()
    """After the last HTTP chunk, or with END_STREAM."""
    chunk_extension: str = ""
    """Stands after each chunk's size."""
    padding: int | None = None
    """HTTP/2: so many bytes of padding in every DATA and HEADERS frame."""
    reset_after_end: int | None = None
    """HTTP/2: RST_STREAM with this code follows the end of the stream."""
    encoding: Encoding = Encoding.IDENTITY
    cuts: Cuts | None = None
    reading: Reading | None = None
    """How the request is read; None: as it comes, and to its end."""
    afterwards: Afterwards = Afterwards.KEEP
    once: bool = False
    """Nothing must remember that this answers a request: the next like it may get another, or
    is to be read in the script's own way."""

    @property
    def body_size(self) -> int | None:
        """Bytes of the body; None where it has no end."""
        return body_size(self.steps)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Scripts for one exchange's requests, one after the other; the last one repeats."""

    scripts: tuple[Script, ...]
