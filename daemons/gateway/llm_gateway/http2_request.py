"""The head of an HTTP/2 request, checked (RFC 9113 8.2, 8.3). No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_PSEUDO = (":method", ":scheme", ":path", ":authority")
_PER_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
)
_ONCE = frozenset((*_PSEUDO, "content-length", "host", "authorization"))
_NAME = re.compile(r":?[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head."""

    method: str
    path: str
    headers: Mapping[str, str]
    length: int | None
    """The size of the body in bytes, if the head announces it."""


def read(fields: Iterable[tuple[bytes, bytes]]) -> Head:
    """Read a head. Raises ValueError if it is malformed; quotes no values."""
    headers: dict[str, str] = {}
    regular = False
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if not _NAME.fullmatch(name) or _CONTROL.search(value) or value != value.strip(" \t"):
            raise ValueError("a header field is malformed")
        if name.startswith(":"):
            if regular or name not in _PSEUDO:
                raise ValueError(f"the pseudo-field {name} is not allowed here")
        else:
            regular = True
        if name in _PER_HOP or (name == "te" and value.lower() != "trailers"):
            raise ValueError(f"the field {name} belongs to HTTP/1.1")
        if name in headers:
            if name in _ONCE:
                raise ValueError(f"the request has the field {name} twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    method, path = headers.get(":method"), headers.get(":path")
    if not method or not path or not headers.get(":scheme"):
        raise ValueError("a pseudo-field is missing")
    length = headers.get("content-length")
    if length is not None and not re.fullmatch("[0-9]{1,18}", length):
        raise ValueError("the field content-length is malformed")
    return Head(
        method=method,
        path=path.partition("?")[0],
        headers={name: value for name, value in headers.items() if not name.startswith(":")},
        length=None if length is None else int(length),
    )
