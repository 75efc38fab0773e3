"""An HTTP/1.1 request reader: bytes in, complete requests out, without I/O.

httptools parses; its parser is llhttp, which is as strict as Node's server. This module
adds the limits of a server and one sentence for each kind of error.
"""

from __future__ import annotations

from collections.abc import Callable

import httptools

from mock_api.language.reading import Reading
from mock_api.playing.exchange import SECRET_HEADERS, WITHHELD, Request, credential, text

MOST_HEAD = 256 * 1024
"""Bytes of a request's head: room for any header of a scenario."""
MOST_BODY = 16 * 1024 * 1024
"""Bytes of a request's body; handoff data ends at 208 KiB."""

_READ = frozenset((*SECRET_HEADERS, b"x-test-pattern", b"expect"))
"""The header fields that this module reads."""


_WITHOUT_CHUNKS = ("0.9", "1.0")
"""Versions of HTTP that do not know the chunked coding."""


class Http1Request(Request):
    """A request, and what its sender can do with the answer."""

    __slots__ = ("chunks", "keep_alive")

    keep_alive: bool
    """The client sends more requests on the connection."""
    chunks: bool
    """The client knows the chunked coding (HTTP/1.0 does not)."""


class Refused:
    """An error: these bytes and all after them are not a request."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason


class RequestReader:
    """Turns one connection's bytes into requests."""

    def __init__(self, reading: Callable[[str], tuple[Reading, str | None] | None]) -> None:
        """`reading` returns how to read a request with this X-Test-Pattern, and its token."""
        self._reading_of = reading
        self._body = bytearray()
        self.on_body = self._body.extend
        """httptools calls this."""
        self._parser = httptools.HttpRequestParser(self)
        self._complete: list[Http1Request | Refused] = []
        self.inside = False
        """A request began and is not complete."""
        self.continue_wanted = False
        """A request's head asked for `100 Continue`; the connection resets this."""
        self.held: tuple[int, str | None] | None = None
        """The rest of the request waits for this gate of this token; the connection resets it."""
        self._received: list[bytes] | None = None
        """The fields as received, if the parser was given others."""
        self._answered = False
        """An incomplete request was answered, so the bytes after it cannot be read."""
        self._reading: Reading | None = None
        """How the script has the request read, until that is done."""
        self._begin()

    def feed(self, data: bytes) -> list[Http1Request | Refused]:
        """The requests that are complete with these bytes. A Refused is the last of all."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # The mock never upgrades: it ignores the wish (RFC 9110 7.8). But the parser has
            # stopped before the body. So a new parser reads the same head without that wish,
            # and then what follows it.
            head = self._head_without_upgrade()
            self._received = self._fields
            self._parser = httptools.HttpRequestParser(self)
            return self.feed(head + data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(400, f"expected an HTTP/1.1 request: {error}")
        if self.inside:
            self._check(len(data))
        complete = self._complete
        if complete:
            self._complete = []
        return complete

    def _head_without_upgrade(self) -> bytes:
        version = self._parser.get_http_version().encode()
        lines = [self._parser.get_method() + b" " + self._target + b" HTTP/" + version]
        for name, value in zip(self._fields[::2], self._fields[1::2], strict=True):
            if name not in (b"upgrade", b"connection"):
                if name in SECRET_HEADERS and self._credential:
                    name, value = b"authorization", self._credential  # noqa: PLW2901
                lines.append(name + b": " + value)
        return b"\r\n".join([*lines, b"", b""])

    def _check(self, size: int) -> None:
        """An incomplete request got `size` bytes more: check it and its limits."""
        if self._in_head:
            self._head_size += size
            if self._head_size > MOST_HEAD:
                self._refuse(431, f"expected at most {MOST_HEAD} bytes in a request's head")
            return
        if self._reading is not None:
            self._look(self._reading)
        if len(self._body) > MOST_BODY:
            self._refuse(413, f"expected at most {MOST_BODY} bytes in a request's body")

    def _look(self, reading: Reading) -> None:
        """More of the request arrived: is it what its script waits for?"""
        if len(self._body) < reading.size:
            return
        self._reading = None
        if reading.gate:
            self.held = (reading.gate, self._token)
        else:
            self._answered = True
            self.continue_wanted = False
            self._add_request(bytes(self._body[: reading.size]), False, False, True)

    def _add_request(self, body: bytes, complete: bool, keep_alive: bool, chunks: bool) -> None:
        request = Http1Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            b"\0".join(self._received or self._fields),
            body,
            self._credential,
            self._pattern,
            complete,
        )
        request.keep_alive = keep_alive
        request.chunks = chunks
        self._received = None
        self._complete.append(request)

    def _refuse(self, status: int, reason: str) -> None:
        if self._answered:
            return
        self.inside = False
        self._complete.append(Refused(status, reason))

    def _begin(self) -> None:
        self._in_head = True
        self._target = b""
        self._fields: list[bytes] = []
        self._add = self._fields.append
        self._body.clear()
        self._head_size = 0
        self._credential: bytes | None = None
        self._pattern: str | None = None
        self._reading = None
        self._token: str | None = None

    # httptools calls these.

    def on_message_begin(self) -> None:
        self._begin()
        self.inside = True

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _READ:
            value = self._read(name, value)
        add = self._add
        add(name)
        add(value)

    def _read(self, name: bytes, value: bytes) -> bytes:
        """Read a field; the value to keep."""
        if name == b"x-test-pattern":
            pattern = text(value)
            self._pattern = pattern if self._pattern is None else f"{self._pattern}, {pattern}"
        elif name == b"expect":
            self.continue_wanted |= b"100-continue" in value.lower()
        else:
            self._credential = credential(name, value, self._credential)
            return WITHHELD
        return value

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._pattern is not None and (answer := self._reading_of(self._pattern)):
            self._reading, self._token = answer

    def on_message_complete(self) -> None:
        parser = self._parser
        if self._reading is not None:
            self._look(self._reading)
        if self._answered or parser.should_upgrade():
            return
        self.inside = False
        self.continue_wanted = False
        chunks = parser.get_http_version() not in _WITHOUT_CHUNKS
        self._add_request(bytes(self._body), True, parser.should_keep_alive(), chunks)
