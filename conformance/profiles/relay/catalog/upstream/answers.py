"""Answers of an API that reports an error in place of a stream."""

from __future__ import annotations

import json

from conformance.core.script import Script, script, write

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}
PAGE = "<!doctype html><html><body><h1>502 Bad Gateway</h1>nginx</body></html>"


def error(message: str, **fields: object) -> dict[str, object]:
    """An error object as the API writes it."""
    return {"error": {"message": message, "type": "server_error", "code": None, **fields}}


def error_body(message: str, **fields: object) -> str:
    """The same, encoded."""
    return json.dumps(error(message, **fields), separators=(",", ":"))


def answer(status: int, body: str, headers: dict[str, str]) -> Script:
    """A whole answer that is not a stream."""
    return script(write(body), status=status, headers=headers, framing="length")
