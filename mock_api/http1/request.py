"""Reading HTTP/1.1 requests: bytes in, complete requests out, no socket in sight.

httptools does the parsing, that is, llhttp, which is as strict as Node's server.
This adds what a server must: limits, and a sentence for each way to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httptools

from mock_api.net.reading import Reading
from mock_api.playing.exchange import SECRET_HEADERS, WITHHELD, Request, text

MOST_HEAD = 256 * 1024
"""Bytes a request's head may have: room for any header a scenario invents."""
MOST_BODY = 16 * 1024 * 1024
"""Bytes a request's body may have; handoff data ends at 208 KiB."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A complete request, and what its sender can do with the answer."""

    request: Request
    keep_alive: bool
    chunks: bool
    """It knows the chunked coding (HTTP/1.0 does not)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What came is no request; nothing after it can be one."""

    status: int
    why: str


class RequestReader:
    """Turns one connection's bytes into requests."""

    def __init__(self, reading: Callable[[str], tuple[Reading, str | None] | None]) -> None:
        """`reading` says how a request with this X-Test-Pattern is read, and its token."""
        self._reading_of = reading
        self._parser = httptools.HttpRequestParser(self)
        self._found: list[Asked | Refused] = []
        self.inside = False
        """A request has begun and is not complete."""
        self.continue_wanted = False
        """A request's head asked for `100 Continue`; whoever sends it resets this."""
        self._received: tuple[tuple[bytes, bytes], ...] = ()
        """The headers as they came, where the parser was given others."""
        self.held: tuple[int, str | None] | None = None
        """The rest of the request is to wait for this gate, of this token; whoever sees to that
        resets this."""
        self._over = False
        """A request was answered that is not complete, so nothing after it can be read."""
        self._reading: Reading | None = None
        """How the script has the request read, until that has come about."""
        self._token: str | None = None
        self._begin()

    def feed(self, data: bytes) -> list[Asked | Refused]:
        """What is complete with these bytes. After a Refused there must be no more of them."""
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self._refuse(400, f"this is no HTTP/1.1 request: {error}")
        if self.inside and self._in_head:
            self._head_size += len(data)
        if self._head_size > MOST_HEAD:
            self._refuse(431, f"a request's head has at most {MOST_HEAD} bytes")
        elif self._body_size > MOST_BODY:
            self._refuse(413, f"a request's body has at most {MOST_BODY} bytes")
        found, self._found = self._found, []
        return found

    def _parse(self, data: bytes) -> None:
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # We never upgrade, and say so by answering as if nobody had asked
                # (RFC 9110 7.8). But the parser has taken the body for something else, so
                # a successor reads the same head, without that wish, and what follows it.
                head = self._head_without_upgrade()
                self._received = tuple(self._headers)
                self._parser = httptools.HttpRequestParser(self)
                data = head + data[upgrade.args[0] :]
            else:
                break

    def _head_without_upgrade(self) -> bytes:
        version = self._parser.get_http_version().encode()
        lines = [self._parser.get_method() + b" " + self._target + b" HTTP/" + version]
        for name, value in self._headers:
            if name not in (b"upgrade", b"connection"):
                hidden = name == b"authorization" and self._credential
                lines.append(name + b": " + (hidden or value))
        return b"\r\n".join([*lines, b"", b""])

    def _look(self) -> None:
        """More of the request is there: is it as much as its script waits for?"""
        reading = self._reading
        if reading is None or self._body_size < reading.size:
            return
        self._reading = None
        if reading.gate:
            self.held = (reading.gate, self._token)
        else:
            self._over = True
            self.continue_wanted = False
            request = self._request(b"".join(self._body)[: reading.size], complete=False)
            self._found.append(Asked(request, keep_alive=False, chunks=True))

    def _request(self, body: bytes, *, complete: bool) -> Request:
        return Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            self._received or tuple(self._headers),
            body,
            self._credential,
            complete=complete,
        )

    def _refuse(self, status: int, why: str) -> None:
        if self._over:
            return
        self.inside = False
        self._found.append(Refused(status, why))

    def _begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._credential: bytes | None = None
        self._body: list[bytes] = []
        self._head_size = 0
        self._body_size = 0
        self._in_head = True
        self._reading = None
        self._token = None

    # Called by httptools.

    def on_message_begin(self) -> None:
        self._begin()
        self.inside = True

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in SECRET_HEADERS:
            if name == b"authorization":
                self._credential = value
            value = WITHHELD
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if any(
            name == b"expect" and b"100-continue" in value.lower() for name, value in self._headers
        ):
            self.continue_wanted = True
        for name, value in self._headers:
            if name == b"x-test-pattern" and (found := self._reading_of(text(value))):
                self._reading, self._token = found
        self._look()

    def on_body(self, part: bytes) -> None:
        if self._over:
            return
        self._body_size += len(part)
        if self._body_size <= MOST_BODY:
            self._body.append(part)
        self._look()

    def on_message_complete(self) -> None:
        if self._over or self._parser.should_upgrade():
            return
        self.inside = False
        self.continue_wanted = False
        request = self._request(b"".join(self._body), complete=True)
        chunks = self._parser.get_http_version() not in ("0.9", "1.0")
        self._found.append(Asked(request, self._parser.should_keep_alive(), chunks))
        self._received = ()
        self._begin()
