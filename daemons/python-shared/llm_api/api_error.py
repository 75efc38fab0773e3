"""Errors as APIs write them, in every dialect, and the Failure that each becomes. No I/O.

OpenAI sends `{"error": {"message", "type", "code"}}`. Others send the error as a
text or a number, or the fields without the key `error`, or FastAPI's `detail`.
"""

from __future__ import annotations

from typing import Any

from llm_api.exact_json import Number, is_text
from llm_api.failure import Failure
from llm_api.redaction import Redact


def is_error(chunk: dict[str, Any]) -> bool:
    """Whether a JSON object in an event stream reports an error instead of a piece of answer."""
    if chunk.get("error") is not None:
        return True
    if chunk.get("choices"):
        return False
    message, detail = chunk.get("message"), chunk.get("detail")
    if (is_text(message) and message) or (isinstance(detail, (str, list)) and detail):
        return True
    return "error" in (chunk.get("object"), chunk.get("type"))


def api_error(
    value: Any, redact: Redact, text: str = "", *, kind: type[Failure] = Failure, **how: Any
) -> Failure:
    """The failure that the API described; message, type and code are kept.

    Args:
        value: `{"error": …}` decoded, the error object alone, or any other value.
        text: the message for a value without one.
        kind: the class of the failure.
        how: further arguments of the Failure.
    """
    error = value
    if isinstance(value, dict):
        error = value["error"] if value.get("error") is not None else value
    if is_text(error):
        error = {"message": error}
    if not isinstance(error, dict):
        error = {"message": text}
    message, type_, code = error.get("message"), error.get("type"), error.get("code")
    if not is_text(message) or not message:
        detail = error.get("detail")
        message = detail if is_text(detail) and detail else text
    return kind(
        redact(message or "the API reported an error"),
        type=redact(type_) if is_text(type_) and type_ else None,
        code=_code(code, redact) or "upstream_error",
        **how,
    )


def _code(code: Any, redact: Redact) -> str | int | None:
    if isinstance(code, Number):
        return int(code.text) if code.text.isdigit() and len(code.text) < 10 else code.text
    return redact(code) if is_text(code) else None
