"""The connection: its URL, the arguments of `websockets.connect`, and its errors.

`websockets.connect` is looked up at each call, so that a test may patch it. It is awaited
once and returns the socket. Its keyword for headers differs between versions: the suite
reads it from the installed signature, and uses the older name if that fails.
"""

from __future__ import annotations

import inspect
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import websockets

from conformance.ws.frame import shown
from conformance.ws.tls import ADVICE


class Socket(Protocol):
    """The part of a connection that a test uses."""

    async def send(self, message: str | bytes, /) -> None:
        """Send one message."""

    async def recv(self) -> str | bytes:
        """Wait for one message."""

    async def close(self) -> None:
        """Close the connection."""


NO_CLOSE_FRAME = 1006
"""The code of a connection that ended without a close frame (RFC 6455 7.1.5)."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The way in which the server ended the connection."""

    at: float
    code: int
    reason: str

    def __str__(self) -> str:
        if self.code == NO_CLOSE_FRAME:
            return "1006, without a close frame"
        return f"{self.code} {self.reason!r}" if self.reason else str(self.code)


def closing(error: websockets.ConnectionClosed, at: float) -> Closing:
    """Read code and reason from the exception of an ended connection."""
    if error.rcvd is None:
        return Closing(at, NO_CLOSE_FRAME, "")
    return Closing(at, error.rcvd.code, error.rcvd.reason)


def address(uri: str, parameters: Mapping[Any, Any], *, encoded: bool) -> str:
    """Return the trimmed uri with its query parameters.

    Without `encoded`, the parameters are trimmed and follow a `?` as they are. With it,
    they are percent-encoded and extend a query that the uri already has.
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
    """Return whether the URL asks for TLS."""
    return url.casefold().startswith("wss://")


def header_keyword() -> str:
    """Return the keyword of the installed `websockets.connect` for headers."""
    try:
        parameters = inspect.signature(websockets.connect).parameters
    except (TypeError, ValueError):
        return "extra_headers"
    return "additional_headers" if "additional_headers" in parameters else "extra_headers"


_CAUSES: tuple[tuple[type[Exception], str, str], ...] = (
    (websockets.InvalidURI, "a ws:// or wss:// URL", "correct the uri of the WSTest"),
    (websockets.InvalidStatus, "status 101", "check the path, with_parameter and with_header"),
    (websockets.NegotiationError, "an offered subprotocol", "check with_subprotocol"),
    (
        websockets.InvalidHandshake,
        "an HTTP answer to the handshake",
        "write wss:// if the server uses TLS, and check that it speaks WebSocket",
    ),
    (ssl.SSLCertVerificationError, "a certificate that this machine trusts", ADVICE),
    (ssl.SSLError, "a TLS handshake", "write ws:// if the server does not use TLS"),
    (ConnectionResetError, "a handshake", "write ws:// if the server does not use TLS"),
    (TimeoutError, "a connection in time", 'wait longer: .with_option("open_timeout", seconds)'),
    (socket.gaierror, "a host name that resolves", "correct the uri of the WSTest"),
    (OSError, "a server that listens", "start it, or correct the uri of the WSTest"),
    (TypeError, "options that websockets.connect accepts", "check with_option"),
    (Exception, "an open connection", "check the server and the declaration"),
)


def explained(error: Exception, url: str) -> str:
    """Say for a failed connection what was expected, what was found, and what to do.

    The text of the error itself does not change: tests compare it.
    """
    expected, advice = next(cause[1:] for cause in _CAUSES if isinstance(error, cause[0]))
    body = error.response.body if isinstance(error, websockets.InvalidStatus) else b""
    more = f", body {shown(bytes(body))}" if body else ""
    return f"expected {expected}, found {type(error).__name__}: {error}{more} ({url}); {advice}"
