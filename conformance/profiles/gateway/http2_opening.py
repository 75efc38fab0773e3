"""The opening of a gateway's exchange over HTTP/2: one stream of a connection."""

from __future__ import annotations

import time

from conformance.core.evidence import Asked
from conformance.profiles.gateway.http2_connection import Http2Connection, Http2Stream
from conformance.profiles.gateway.opening import Target, dial, encoded
from conformance.profiles.gateway.request import Request
from conformance.profiles.relay.opening import OpeningError
from conformance.wire.http2_response import Http2ResponseParser


class RequestedByHttp2:
    """One request on one stream; an Opening of the profile `gateway`."""

    name = "request"

    def __init__(
        self,
        target: Target,
        request: Request,
        *,
        codings: frozenset[str] = frozenset(),
        window: int | None = None,
        shared: Http2Connection | None = None,
    ) -> None:
        """Prepare it.

        window: bytes that the gateway may send ahead on the stream.
        shared: the connection to use, which stays open when the exchange is over.
        """
        self.request = encoded(request, target)
        self.asked: Asked = request.asked
        self._target = target
        self._request = request
        self._codings = codings
        self._window = window
        self._shared = shared
        self._connection: Http2Connection | None = shared
        self._stream = Http2Stream()

    def parser(self) -> Http2ResponseParser:
        """A parser of the stream."""
        return Http2ResponseParser(lambda: self._stream.drained, codings=self._codings)

    async def connect(self, *, deadline: float) -> Http2Stream:
        """Open the connection; the stream begins with the request. Raises OpeningError."""
        if self._connection is None:
            self._connection = await open_connection(
                self._target, deadline=deadline, window=self._window
            )
        return self._stream

    async def begin(self, *, deadline: float) -> float:
        """Send the request; returns when that began. Raises OpeningError."""
        assert self._connection is not None, "connect() comes first"
        began = time.monotonic()
        target = self._target
        try:
            self._connection.begin(self._stream, self._request, target.authority, target.scheme)
        except OSError as error:
            raise OpeningError(f"the connection takes no request: {error}") from None
        return began

    def release(self) -> None:
        """Close the connection, unless it is shared."""
        if self._connection is not None and self._shared is None:
            self._connection.close()


async def open_connection(
    target: Target, *, deadline: float, window: int | None = None
) -> Http2Connection:
    """Connect by ALPN, or with prior knowledge where there is no TLS. Raises OpeningError."""
    connection = await dial(target, deadline=deadline, alpn="h2")
    try:
        return Http2Connection(connection, window=window)
    except OSError as error:
        connection.finish()
        raise OpeningError(f"{target.authority} takes no HTTP/2 preface: {error}") from None
