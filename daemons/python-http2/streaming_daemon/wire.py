"""The client's bytes: heads, error responses, events of format `simple`. No I/O.

Text from outside reaches a header only through `header_lines`, and an event only
through JSON, which has no raw CR or LF.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from json.encoder import encode_basestring, encode_basestring_ascii

from llm_api.exact_json import is_text
from llm_api.failure import ApiRefused, Failure
from llm_api.writing import error_object

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
    """The valid ones among `response_headers` as header lines; invalid ones are dropped."""
    lines = []
    for name, value in headers.items():
        if not is_text(value) or _CONTROL.search(value):
            continue
        if not _TOKEN.fullmatch(name) or name.lower() in _OWN_HEADERS:
            continue
        try:
            lines.append(f"{name}: {value.strip(' ')}\r\n".encode())
        except UnicodeEncodeError:  # a lone surrogate does not have an encoding
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
    """A whole response that reports the failure, with these header lines added.

    The API's own 5xx becomes 502 (R5).
    """
    body = error_object(failure) + b"\n"
    status = failure.status
    if isinstance(failure, ApiRefused) and status >= 500:
        status = 502
    head = (
        f"HTTP/1.1 {status} {_reason(status)}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-cache\r\n"
        "Connection: close\r\n"
    )
    if failure.retry_after is not None:
        head += f"Retry-After: {failure.retry_after}\r\n"
    return head.encode() + extra + b"\r\n" + body


def text_event(text: str) -> bytes:
    """A piece of the answer in format `simple`.

    A lone surrogate cannot be UTF-8; as an escape it arrives as the API sent it.
    """
    try:
        return f'data: {{"content":{encode_basestring(text)}}}\n\n'.encode()
    except UnicodeEncodeError:
        return f'data: {{"content":{encode_basestring_ascii(text)}}}\n\n'.encode()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
