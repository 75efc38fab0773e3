"""Where the API is and how to speak to it."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """An API's address, and the key for it."""

    host: str
    port: int
    path: str
    """The path of the base URL, without a slash at its end: `/v1`."""
    authority: str
    """Host and port, as the base URL has them."""
    key: str
    """The bearer token, or an empty string: requests then carry their own."""
    socket: str | None
    """A Unix socket to connect to instead of host and port."""
    tls: ssl.SSLContext | None
    """Offers h2 by ALPN if HTTP/2 is enabled."""
    http2: bool
    """Whether the TLS handshake may choose HTTP/2."""

    @property
    def places(self) -> tuple[str, ...]:
        """The texts that would reveal the address in an error."""
        texts = [self.authority, f"{self.host}:{self.port}"]
        if not re.fullmatch(r"localhost|[0-9.]+|[0-9a-f:]*::?[0-9a-f]*", self.host):
            texts.append(self.host)
        if self.socket is not None:
            texts.append(self.socket)
        return tuple(texts)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time bounds on the API, in seconds. A stream that flows has no limit."""

    connect: float
    """From the first packet until requests can be sent: TCP, TLS, SETTINGS."""
    first_byte: float
    """From sending the request to the head of the response."""
    idle: float
    """Between two reads of the stream."""


def address(
    base: str,
    *,
    key: str = "",
    socket: str | None = None,
    ca_file: str | Path | None = None,
    insecure: bool = False,
    http2: bool = True,
) -> Address:
    """The address that these settings describe.

    Args:
        base: the base URL, up to and including `/v1`.
        socket: path of a Unix socket; the protocol is then HTTP/1.1 without TLS.
        ca_file: certificates to trust in addition to the system's.
        insecure: verify no certificate.

    Raises ValueError with a sentence that begins with what is wrong: `base`, `key`, `ca_file`.
    """
    url = urlsplit(base)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise ValueError(f"base: expected http(s)://host[:port]/path, found {base!r}")
    key = key.strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise ValueError("key: expected visible ASCII characters only")
    tls = None
    if url.scheme == "https" and socket is None:
        tls = _tls(ca_file, insecure=insecure, http2=http2)
    return Address(
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        path=url.path.rstrip("/"),
        authority=url.netloc.rpartition("@")[2],
        key=key,
        socket=socket,
        tls=tls,
        http2=http2 and tls is not None,
    )


def _tls(ca_file: str | Path | None, *, insecure: bool, http2: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ValueError(f"ca_file: {ca_file}: {error}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    return context
