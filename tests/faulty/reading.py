"""How the chat backends read a model's answer, with faults: both have the same `Answer`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from switch import fault


def faulty(answer: Any, error: type[Exception]) -> Any:
    """The class `Answer` of a backend, with faults. error: its ModelError."""

    class FaultyAnswer(answer):  # type: ignore[misc]
        def close(self) -> None:
            if fault("done_needs_finish") and not self.finish_reason:
                raise error("no finish_reason")
            super().close()

        def feed(self, data: bytes) -> Any:
            if b"\n\ndata:\n\n" in b"\n\n" + data and fault("empty_data_fails"):
                raise error("expected JSON, found nothing")
            yield from super().feed(data)

        def _take(self, event: Any) -> Any:
            if event.kind == "error" and fault("error_field_ignored"):
                return
            value = _object(event.data)
            if "choices" in value and fault("choices_hide_error"):
                value.pop("error", None)
                event = replace(event, data=json.dumps(value))
            if value.get("object") == "error" and fault("error_needs_its_key"):
                return
            yield from super()._take(event)

        def _choice(self, choice: Any) -> Any:
            delta = choice.get("delta") or {}
            if isinstance(delta.get("content"), list) and fault("content_parts_lost"):
                delta.pop("content")
            if "role" in delta and fault("role_means_opening"):
                delta.pop("content", None)
            if "reasoning_content" in delta and fault("one_field_a_delta"):
                delta.pop("content", None)
            empty = choice.get("finish_reason") == ""
            yield from super()._choice(choice)
            if empty and fault("empty_finish_finishes"):
                self.finish_reason = "stop"
            if empty and fault("empty_finish_is_the_end"):
                self.ended = True

    return FaultyAnswer


def _object(data: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
