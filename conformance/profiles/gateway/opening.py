"""The opening of a gateway's exchange: an HTTP/1.1 request on a connection of the client's."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conformance.core.evidence import Asked
from conformance.profiles.gateway.connection import HttpConnection, TlsConnection
from conformance.profiles.gateway.request import Request
from conformance.profiles.relay.opening import OpeningError
from conformance.wire.http1_message import HeadRules
from conformance.wire.response import ResponseParser


@dataclass(frozen=True, slots=True)
class Target:
    """Where a gateway is reached."""

    host: str
    port: int
    secure: bool = False
    """Whether it is reached over TLS."""
    ca_file: Path | None = None
    """With TLS: a CA that the client trusts, besides those of the system."""

    @property
    def scheme(self) -> str:
        """`http`, or `https` with TLS."""
        return "https" if self.secure else "http"

    @classmethod
    def of(cls, url: str, ca_file: Path | None) -> Target:
        """The target of an `http` or `https` URL."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        return cls(parts.hostname or "", port, secure, ca_file)

    @property
    def authority(self) -> str:
        """Host and port, as the Host field has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


async def dial(
    target: Target, *, deadline: float, receive_buffer: int | None = None, alpn: str | None = None
) -> HttpConnection:
    """Connect. `receive_buffer`: SO_RCVBUF, bytes. Raises OpeningError.

    deadline: time.monotonic() seconds. alpn: the one protocol that the client offers.
    """
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    try:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await loop.sock_connect(client, (target.host, target.port))
            if not target.secure:
                return HttpConnection(client)
            context = trust(target.ca_file, alpn or "http/1.1")
            connection = TlsConnection(client, context, server_name=target.host)
            await connection.handshake()
            return connection
    except TimeoutError:
        client.close()
        raise OpeningError(f"{target.authority} does not accept the connection in time") from None
    except ssl.SSLCertVerificationError as error:
        client.close()
        raise OpeningError(
            f"the certificate of {target.authority} is not trusted: {error.verify_message}"
        ) from None
    except OSError as error:  # ssl.SSLError is one
        client.close()
        raise OpeningError(f"{target.authority} cannot be connected to: {error}") from None
    except BaseException:
        client.close()
        raise


@functools.cache
def trust(ca_file: Path | None, alpn: str) -> ssl.SSLContext:
    """A client's TLS: verify the certificate, and offer one protocol."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.set_alpn_protocols([alpn])
    return context


class Requested:
    """One HTTP/1.1 request; the Opening of the profile `gateway`."""

    name = "request"

    def __init__(
        self,
        target: Target,
        request: Request,
        *,
        rules: HeadRules,
        receive_buffer: int | None = None,
        edit: Callable[[bytes], bytes] | None = None,
        reuse: HttpConnection | None = None,
        keep: bool = False,
    ) -> None:
        """Prepare it.

        edit: changes the encoded request before it is sent.
        reuse: a connection on which another exchange has ended.
        keep: leave the connection open when the exchange is over.
        """
        text = encoded(request, target)
        self.request = edit(text) if edit is not None else text
        self.asked: Asked = request.asked
        self._target = target
        self._rules = rules
        self._receive_buffer = receive_buffer
        self._connection = reuse
        self._keep = keep

    def parser(self) -> ResponseParser:
        """A parser that allows every framing of HTTP/1.1 (R1)."""
        return ResponseParser(self._rules)

    async def connect(self, *, deadline: float) -> HttpConnection:
        """Connect, or take the connection that is reused. Raises OpeningError."""
        if self._connection is None:
            self._connection = await dial(
                self._target, deadline=deadline, receive_buffer=self._receive_buffer
            )
        self._connection.keep = self._keep
        return self._connection

    async def begin(self, *, deadline: float) -> float:
        """Send the request; returns when that began. Raises OpeningError."""
        assert self._connection is not None, "connect() comes first"
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, deadline - began)):
                await self._connection.send_all(self.request)
        except TimeoutError:
            raise OpeningError("the gateway did not read the request in time") from None
        except OSError:
            # The gateway may answer, and close, before it has read everything.
            pass
        return began

    def release(self) -> None:
        """Close the connection, unless it is kept for another exchange."""
        if self._connection is not None and not self._keep:
            self._connection.finish()


def encoded(request: Request, target: Target) -> bytes:
    """The request as HTTP/1.1 bytes, its body framed by a length."""
    named = {name for name, _ in request.headers}
    headers = [] if "host" in named else [("host", target.authority)]
    headers += request.headers
    if request.body or request.method == "POST":
        headers.append(("content-length", str(len(request.body))))
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{_title(name)}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + request.body


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
