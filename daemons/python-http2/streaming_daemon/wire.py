"""What the client is sent: heads, events, error objects. Bytes, no I/O.

Everything here is one whole unit (a head, an event), so a failure that strikes
between two of them strikes on an event boundary. Text from outside reaches a
header only through `header_lines`, and an event only through JSON, which has
no raw CR or LF.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from json.encoder import encode_basestring, encode_basestring_ascii

from streaming_daemon.failure import Failure

DONE = b"data: [DONE]\n\n"

_OWN_HEADERS = frozenset(
    (
        "content-type",
        "cache-control",
        "connection",
        "transfer-encoding",
        "content-length",
        "content-encoding",
        "x-accel-buffering",
    )
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def header_lines(headers: Mapping[str, object]) -> bytes:
    """The valid ones among `response_headers` as header lines; the others vanish."""
    lines = []
    for name, value in headers.items():
        if not isinstance(value, str) or _CONTROL.search(value):
            continue
        if not _TOKEN.fullmatch(name) or name.lower() in _OWN_HEADERS:
            continue
        try:
            lines.append(f"{name}: {value.strip(' ')}\r\n".encode())
        except UnicodeEncodeError:  # a lone surrogate is no text
            continue
    return b"".join(lines)


def stream_head(extra: bytes) -> bytes:
    """The head of a stream, with these header lines added."""
    return (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: text/event-stream\r\n"
        b"Cache-Control: no-cache\r\n"
        b"Connection: close\r\n"
        b"X-Accel-Buffering: no\r\n" + extra + b"\r\n"
    )


def error_response(failure: Failure, extra: bytes) -> bytes:
    """A whole response that reports the failure, with these header lines added."""
    body = _error_object(failure) + b"\n"
    head = (
        f"HTTP/1.1 {failure.status} {_reason(failure.status)}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-cache\r\n"
        "Connection: close\r\n"
    )
    if failure.retry_after is not None:
        head += f"Retry-After: {failure.retry_after}\r\n"
    return head.encode() + extra + b"\r\n" + body


def error_event(failure: Failure) -> bytes:
    """The event that ends a failed stream."""
    return b"data: " + _error_object(failure) + b"\n\n"


def text_event(text: str) -> bytes:
    """A piece of the answer in format `simple`.

    A lone surrogate has no UTF-8; as an escape it arrives as the API sent it.
    """
    try:
        return f'data: {{"content":{encode_basestring(text)}}}\n\n'.encode()
    except UnicodeEncodeError:
        return f'data: {{"content":{encode_basestring_ascii(text)}}}\n\n'.encode()


def raw_event(data: bytes) -> bytes:
    """The API's own data as an event. LF in it (never CR: it ends a line) makes more lines."""
    if b"\n" in data:
        data = data.replace(b"\n", b"\ndata: ")
    return b"data: " + data + b"\n\n"


def _error_object(failure: Failure) -> bytes:
    error = {"message": failure.message, "type": failure.type, "code": failure.code}
    return json.dumps({"error": error}).encode()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
