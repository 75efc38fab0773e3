"""The content of one event of an answer, in either response format.

The suite reads events on both sides of the daemon with it: those that the client
received, and those of the mock API's journal. An event with text for choice 0 is a
delta.
"""

from __future__ import annotations

from typing import Any

from conformance.core.evidence import Format, Kind

DONE = "[DONE]"


def kind_of(data: str, value: Any) -> Kind:
    """The kind of an event with this data; `value` is the data decoded."""
    if data == DONE:
        return Kind.DONE
    if not isinstance(value, dict):
        return Kind.OTHER
    if value.get("error") is not None:
        return Kind.ERROR
    return Kind.OTHER if format_of(value) is None else Kind.CHUNK


def format_of(value: Any) -> Format | None:
    """The format of a decoded chunk; None where it is in neither.

    An OpenAI chunk has `choices`, which may be empty or null, or an `object`. A simple
    chunk has a text.
    """
    if not isinstance(value, dict):
        return None
    if "choices" in value or value.get("object") == "chat.completion.chunk":
        return Format.OPENAI
    return Format.SIMPLE if isinstance(value.get("content"), str) else None


def text_of(value: Any, choice: int = 0) -> str:
    """The text that a decoded chunk adds to a choice, parts joined; empty where it adds none."""
    if format_of(value) is Format.SIMPLE:
        return str(value["content"]) if choice == 0 else ""
    texts = (_content(entry.get("delta")) for entry in choices(value) if _index(entry) == choice)
    return "".join(texts)


def finish_of(value: Any, choice: int = 0) -> tuple[Any, ...]:
    """The finish reasons that a decoded chunk gives a choice: usually none, or one.

    An empty string is none: some APIs send it in place of null.
    """
    return tuple(
        entry["finish_reason"]
        for entry in choices(value)
        if _index(entry) == choice and entry.get("finish_reason") not in (None, "")
    )


def choices(value: Any) -> list[dict[str, Any]]:
    """The choices of a decoded chunk that are objects; empty without any."""
    entries = value.get("choices") if isinstance(value, dict) else None
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _index(choice: dict[str, Any]) -> Any:
    return choice.get("index", 0)


def _content(delta: Any) -> str:
    content = delta.get("content") if isinstance(delta, dict) else None
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))
