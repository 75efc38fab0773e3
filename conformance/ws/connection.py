"""The connection: what `websockets.connect` is called with, and how a socket ended.

`websockets.connect` is looked up when it is called, so that a test may replace
it; it is awaited once and gives the socket. The keyword for headers changed its
name between the library's versions: it is read from the signature that is
installed, and is the old one where that tells nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import websockets


class Socket(Protocol):
    """What a test needs of a connection."""

    async def send(self, message: str | bytes, /) -> None:
        """Send one message."""

    async def recv(self) -> str | bytes:
        """Wait for one message."""

    async def close(self) -> None:
        """Close the connection."""


NO_CLOSE_FRAME = 1006
"""The code for a connection that ended without a close frame (RFC 6455 7.1.5)."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How the server ended the connection."""

    at: float
    code: int
    reason: str

    def __str__(self) -> str:
        if self.code == NO_CLOSE_FRAME:
            return "1006, without a close frame"
        return f"{self.code} {self.reason!r}" if self.reason else str(self.code)


def closing(error: websockets.ConnectionClosed, at: float) -> Closing:
    """What an ended connection says about its end."""
    if error.rcvd is None:
        return Closing(at, NO_CLOSE_FRAME, "")
    return Closing(at, error.rcvd.code, error.rcvd.reason)


def address(uri: str, parameters: Mapping[Any, Any], *, encoded: bool) -> str:
    """The uri, trimmed, with its query parameters.

    `encoded`: parameters are percent-encoded and join a query that is already there;
    otherwise they are trimmed and appended after a `?` as they are.
    """
    uri = uri.strip()
    if not parameters:
        return uri
    if encoded:
        query = urlencode({str(key): str(value) for key, value in parameters.items()})
        return f"{uri}{'&' if '?' in uri else '?'}{query}"
    pairs = (f"{str(key).strip()}={str(value).strip()}" for key, value in parameters.items())
    return f"{uri}?{'&'.join(pairs)}"


def is_secure(url: str) -> bool:
    """Whether the URL asks for TLS."""
    return url.casefold().startswith("wss://")


def header_keyword() -> str:
    """The keyword that the installed `websockets.connect` takes headers by."""
    try:
        parameters = inspect.signature(websockets.connect).parameters
    except (TypeError, ValueError):
        return "extra_headers"
    return "additional_headers" if "additional_headers" in parameters else "extra_headers"
