"""Header fields of HTTP/2, checked one by one (RFC 9113 8.2)."""

from __future__ import annotations

import re

from mock_api.playing.exchange import SECRET_HEADERS

PLAIN, PSEUDO, SECRET, LENGTH, PATTERN, TRAILERS = range(6)
"""Kinds of fields: how a request's head reads them."""

Field = tuple[bytes, bytes, int | str, int]
"""Name, value, kind (for a malformed field: what is wrong with it), and HPACK's size of it."""

ENTRY_COST = 32
"""What a field takes of HPACK's table in addition to its bytes (RFC 7541 4.1)."""

MOST_DIGITS = 20
"""Digits of a content-length: any that a client can send has fewer."""

_BY_NAME = frozenset((PLAIN, SECRET, PATTERN))
"""Kinds that depend on the name alone."""
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(rb"(?:[^\x00\r\n \t](?:[^\x00\r\n]*[^\x00\r\n \t])?)?")
_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority"))
_CONNECTION = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_KINDS = {
    **dict.fromkeys(_PSEUDO, PSEUDO),
    **dict.fromkeys(SECRET_HEADERS, SECRET),
    b"content-length": LENGTH,
    b"x-test-pattern": PATTERN,
    b"te": TRAILERS,
}


def checked(name: bytes, value: bytes) -> Field:
    """The field and its kind."""
    return name, value, _kind(name, value), len(name) + len(value) + ENTRY_COST


def with_value(field: Field, value: bytes) -> Field:
    """The field with another value; its name is not checked again."""
    name, _, kind, _ = field
    if kind is LENGTH:
        good = value.isdigit() and len(value) < MOST_DIGITS
    else:
        good = kind in _BY_NAME and _VALUE.fullmatch(value) is not None
    if good:
        return name, value, kind, len(name) + len(value) + ENTRY_COST
    return checked(name, value)


def _kind(name: bytes, value: bytes) -> int | str:
    if name[:1] == b":":
        return PSEUDO if name in _PSEUDO else f"unknown pseudo-header {name!r}"
    if not _NAME.fullmatch(name):
        return f"{name!r} is not a field name in lower case"
    if not _VALUE.fullmatch(value):
        return f"the value of {name!r} has NUL, CR, LF or white space at its ends"
    if name in _CONNECTION or (name == b"te" and value.lower() != b"trailers"):
        return f"{name!r} is about connections; HTTP/2 does not allow it"
    kind = _KINDS.get(name, PLAIN)
    if kind is LENGTH and not (value.isdigit() and len(value) < MOST_DIGITS):
        return f"content-length {value!r}"
    return kind
