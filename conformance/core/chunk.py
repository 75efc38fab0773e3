"""What one event of an answer says, in either response format.

Used on both sides of the daemon: on what the client received, and on what the
mock API says it sent. An event that carries text for choice 0 is a delta.
"""

from __future__ import annotations

from typing import Any

from conformance.core.evidence import Format, Kind

DONE = "[DONE]"


def kind_of(data: str, value: Any) -> Kind:
    """What kind of event this data is; `value` is the data decoded."""
    if data == DONE:
        return Kind.DONE
    if not isinstance(value, dict):
        return Kind.OTHER
    if value.get("error") is not None:
        return Kind.ERROR
    return Kind.OTHER if format_of(value) is None else Kind.CHUNK


def format_of(value: Any) -> Format | None:
    """Which format a decoded chunk is in; None where neither knows it.

    An OpenAI chunk is known by its `choices` (which may be empty, or null) or
    by its `object`, a simple one by its text.
    """
    if not isinstance(value, dict):
        return None
    if "choices" in value or value.get("object") == "chat.completion.chunk":
        return Format.OPENAI
    return Format.SIMPLE if isinstance(value.get("content"), str) else None


def text_of(value: Any, choice: int = 0) -> str:
    """The text that a decoded chunk adds to a choice; empty where it adds none."""
    if format_of(value) is Format.SIMPLE:
        return str(value["content"]) if choice == 0 else ""
    texts = (_content(each.get("delta")) for each in choices(value) if _index(each) == choice)
    return "".join(texts)


def finish_of(value: Any, choice: int = 0) -> tuple[Any, ...]:
    """The finish reasons that a decoded chunk gives a choice: none, nearly always, or one."""
    return tuple(
        each["finish_reason"]
        for each in choices(value)
        if _index(each) == choice and each.get("finish_reason") is not None
    )


def choices(value: Any) -> list[dict[str, Any]]:
    """The choices of a decoded chunk that are objects; empty where there are none."""
    found = value.get("choices") if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _index(choice: dict[str, Any]) -> Any:
    return choice.get("index", 0)


def _content(delta: Any) -> str:
    content = delta.get("content") if isinstance(delta, dict) else None
    return content if isinstance(content, str) else ""
