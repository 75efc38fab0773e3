"""Events for the client. Bytes, no I/O.

Every function returns one whole event, so a failure between two events is a
failure on an event boundary. Text reaches an event only through JSON, which has
no raw CR or LF.
"""

from __future__ import annotations

import json

from llm_api.failure import Failure

DONE = b"data: [DONE]\n\n"


def raw_event(data: bytes) -> bytes:
    """The API's own data as an event; each LF in it begins a further data line."""
    if b"\n" in data:
        data = data.replace(b"\n", b"\ndata: ")
    return b"data: " + data + b"\n\n"


def error_event(failure: Failure) -> bytes:
    """The event that ends a failed stream."""
    return b"data: " + error_object(failure) + b"\n\n"


def error_object(failure: Failure) -> bytes:
    """The JSON that describes a failure, before and after the first byte."""
    error = {"message": failure.message, "type": failure.type, "code": failure.code}
    return json.dumps({"error": error}).encode()
