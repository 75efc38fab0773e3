"""The head of an HTTP/1.1 request, read strictly. No I/O.

Two servers that read a request differently can be made to see two requests
where the client's proxy saw one. So this parser has one reading of every head
and refuses the rest: a bare LF, a blank before a colon, a folded line, two
lengths, a length next to a transfer coding, two hosts (RFC 9112 2.2, 3.2, 5.1,
5.2, 6.1, 6.3). Errors do not quote values, which may be keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from llm_api.http1_body import Body, Chunked, Sized

from llm_gateway.errors import BadRequest, HeadTooLarge

MAX_HEAD = 64 * 1024
_MAX_FIELDS = 256
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\0-\x08\x0a-\x1f\x7f]*)")
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head."""

    method: str
    path: str
    headers: Mapping[str, str]
    persistent: bool
    """The client may send a further request on the connection."""
    chunked: bool
    """The client understands a chunked response."""

    @property
    def expects_continue(self) -> bool:
        """The client sends the body only after a 100 response."""
        return self.headers.get("expect", "").lower() == "100-continue"

    def body(self) -> Body:
        """An empty body with the framing that the head announces."""
        if "transfer-encoding" in self.headers:
            return Chunked()
        return Sized(int(self.headers.get("content-length", "0")))


def cut_head(buffer: bytearray) -> bytes | None:
    """Remove a head from the start of the buffer, or return None until it is complete.

    Raises HeadTooLarge, and BadRequest for a bare LF.
    """
    while buffer.startswith(b"\r\n"):  # RFC 9112 2.2: empty lines before a request
        del buffer[:2]
    end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
    head = bytes(buffer) if end < 0 else bytes(buffer[:end])
    if re.search(rb"(?<!\r)\n", head):
        raise BadRequest("a line of the head ends in a bare LF")
    if end < 0:
        if len(buffer) >= MAX_HEAD:
            raise HeadTooLarge(f"the head of the request has more than {MAX_HEAD} bytes")
        return None
    del buffer[: end + 4]
    return head


def parse(data: bytes) -> Head:
    """Parse a head without the empty line at its end. Raises BadRequest."""
    line, *lines = data.split(b"\r\n")
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadRequest("the request line is malformed")
    if len(lines) > _MAX_FIELDS:
        raise HeadTooLarge(f"the request has more than {_MAX_FIELDS} header fields")
    method, target, minor = match[1].decode(), match[2].decode(), match[3]
    headers = _fields(lines)
    modern = minor == b"1"
    _check_framing(headers, modern=modern)
    if modern and "host" not in headers:
        raise BadRequest("the request does not have a Host field")
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    return Head(
        method=method,
        path=_path(target),
        headers=headers,
        persistent=modern and "close" not in options,
        chunked=modern,
    )


def _fields(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BadRequest("a header field is malformed")
        name, value = match[1].decode().lower(), match[2].decode("latin-1").strip(" \t")
        if name in headers:
            if name in ("content-length", "transfer-encoding", "host", "authorization"):
                raise BadRequest(f"the request has the field {name} twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _check_framing(headers: Mapping[str, str], *, modern: bool) -> None:
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        raise BadRequest("the field content-length is malformed")
    if coding is None:
        return
    if length is not None:
        raise BadRequest("the request has both content-length and transfer-encoding")
    if not modern:
        raise BadRequest("transfer-encoding does not exist in HTTP/1.0")
    if coding.lower() != "chunked":
        raise BadRequest("the transfer-encoding is not chunked")


def _path(target: str) -> str:
    """The path of a request target in origin form or absolute form."""
    if target.startswith("/"):
        return target.partition("?")[0].partition("#")[0]
    if target.lower().startswith(("http://", "https://")):
        return urlsplit(target).path or "/"
    return target  # of CONNECT, and of OPTIONS *: a path that does not exist
