"""Reading HTTP/1.1 requests: bytes in, complete requests out, no socket in sight.

httptools does the parsing, that is, llhttp, which is as strict as Node's server.
This adds what a server must: limits, and a sentence for each way to be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import httptools

from mock_api.exchange import SECRET_HEADERS, WITHHELD, Request

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

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._found: list[Asked | Refused] = []
        self.inside = False
        """A request has begun and is not complete."""
        self.continue_wanted = False
        """A request's head asked for `100 Continue`; whoever sends it resets this."""
        self._received: tuple[tuple[bytes, bytes], ...] = ()
        """The headers as they came, where the parser was given others."""
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

    def _refuse(self, status: int, why: str) -> None:
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

    def on_body(self, part: bytes) -> None:
        self._body_size += len(part)
        if self._body_size <= MOST_BODY:
            self._body.append(part)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return
        self.inside = False
        self.continue_wanted = False
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            self._received or tuple(self._headers),
            b"".join(self._body),
            self._credential,
        )
        chunks = self._parser.get_http_version() not in ("0.9", "1.0")
        self._found.append(Asked(request, self._parser.should_keep_alive(), chunks))
        self._received = ()
        self._begin()
