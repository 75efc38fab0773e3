"""The frames in both directions and the checks of a client's frame. No I/O.

A client's text becomes a Message, an Answer (to a pending approval) or a Refusal. The
checks have a fixed order, and the first one that fails decides:

    1 size   2 JSON   3 object of a known type   4 thread_id   5 rate   6 content   7 session

The checks 1 to 4 and 6 need the text only and are here. Turns.admit does 5 and 7. The
size counts characters, as `len` in the origin does. The longest content therefore fits
in any script.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

FRAME_CHARACTERS = 32_768
CONTENT_CHARACTERS = 10_000
THREAD_ID = r"^[a-zA-Z0-9_-]{1,128}$"
"""Also the pattern of a message_id."""

Frame = dict[str, Any]
"""A frame to the client: a flat JSON object with a `type`."""

_ID = re.compile(THREAD_ID.rstrip("$") + r"\Z")  # `$` would accept a final line feed


@dataclass(frozen=True, slots=True)
class Message:
    """A frame that starts a turn, if its content is valid."""

    thread_id: str
    content: str
    problem: Refusal | None = None
    """The error in the content. It is reported in the frame's turn, after the rate check."""
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the thread's pending approval."""

    thread_id: str
    approved: bool
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame that only gets an error."""

    code: str
    message: str
    thread_id: str | None = None
    message_id: str | None = None


class _RefusedError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse(data: str | bytes) -> Message | Answer | Refusal:
    """Parse a client's frame. Never raises."""
    thread_id = message_id = None
    try:
        fields = _fields(data)
        kind = fields.get("type")
        if kind not in ("message", "interrupt_response"):
            raise _RefusedError("unknown_type", "type: expected 'message' or 'interrupt_response'")
        thread_id = _identifier(fields, "thread_id")
        if "message_id" in fields:
            message_id = _identifier(fields, "message_id")
        if kind == "interrupt_response":
            approved = fields.get("approved")
            if not isinstance(approved, bool):
                raise _RefusedError("invalid_approved", "approved: expected true or false")
            return Answer(thread_id, approved, message_id)
    except _RefusedError as error:
        return Refusal(error.code, str(error), thread_id, message_id)
    try:
        return Message(thread_id, _content(fields), message_id=message_id)
    except _RefusedError as error:
        refusal = Refusal(error.code, str(error), thread_id, message_id)
        return Message(thread_id, "", refusal, message_id)


def _fields(data: str | bytes) -> dict[str, Any]:
    if len(data) > FRAME_CHARACTERS:
        raise _RefusedError(
            "too_large", f"Message too large: at most {FRAME_CHARACTERS} characters"
        )
    if isinstance(data, bytes):
        raise _RefusedError(
            "invalid_json", "Invalid JSON: expected a text frame, found a binary one"
        )
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _RefusedError("invalid_json", "Invalid JSON: the frame cannot be parsed") from None
    if not isinstance(value, dict):
        raise _RefusedError("invalid_json", "Invalid JSON: expected an object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"expected JSON, found {name}")


def _identifier(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not _ID.match(value):
        raise _RefusedError(
            f"invalid_{name}", f"{name}: expected 1 to 128 letters, digits, '_' and '-'"
        )
    return value


def _content(fields: dict[str, Any]) -> str:
    content = fields.get("content")
    if not isinstance(content, str) or not content.strip():
        raise _RefusedError("invalid_content", "content: expected text that is not blank")
    if len(content) > CONTENT_CHARACTERS:
        raise _RefusedError(
            "content_too_long", f"content is too long: at most {CONTENT_CHARACTERS} characters"
        )
    if any("\ud800" <= character <= "\udfff" for character in content):
        raise _RefusedError(
            "invalid_content", "content: expected Unicode, found half a surrogate pair"
        )
    return content


def token(text: str, agent: str) -> Frame:
    """A piece of an answer's text."""
    return {"type": "token", "content": text, "agent": agent}


def tool_call(tool: str, args: dict[str, Any], agent: str) -> Frame:
    """The model asks for a tool."""
    return {"type": "tool_call", "tool": tool, "args": args, "agent": agent}


def tool_result(tool: str, result: Any, agent: str) -> Frame:
    """A tool has run."""
    return {"type": "tool_result", "tool": tool, "result": result, "agent": agent}


def interrupt(interrupt_id: str, action: str, params: dict[str, Any]) -> Frame:
    """The turn waits for approval; terminal."""
    return {"type": "interrupt", "interrupt_id": interrupt_id, "action": action, "params": params}


def interrupt_expired(action: str) -> Frame:
    """The answer came too late; terminal."""
    message = f"The approval of {action} has expired and nothing was done. Please ask again."
    return {"type": "interrupt_expired", "action": action, "message": message}


def clarification(question: str) -> Frame:
    """The customer's request is ambiguous; terminal."""
    return {"type": "clarification", "message": question}


def message_complete(stopped: str = "") -> Frame:
    """The turn is finished; terminal.

    stopped: the limit at which the API ended the answer, as `finish_reason`.
    """
    frame: Frame = {"type": "message_complete"}
    return frame | {"finish_reason": stopped} if stopped else frame


def error(code: str, message: str) -> Frame:
    """The turn was refused or has failed; terminal."""
    return {"type": "error", "code": code, "message": message}


def refusal(refused: Refusal) -> Frame:
    """The error frame of a refusal."""
    return addressed(error(refused.code, refused.message), refused)


def addressed(frame: Frame, request: Message | Answer | Refusal) -> Frame:
    """The frame with the thread and the message_id of the client's frame."""
    about = {"thread_id": request.thread_id, "message_id": request.message_id}
    return frame | {name: value for name, value in about.items() if value is not None}
