"""The messages of a roleplay engine, and the answers that they make up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conformance.core.quoting import excerpt

EVENTS = ("system_update", "sync_state", "chat_history", "chat_chunk", "chat_end", "error")

GREETING = "✓ Engine ready."
CANCELLED = "✗ Stream cancelled by user."
THINKING = "..."

WORLD = "darkwood"
CHARACTER = "ranger"
"""The choices of the engine's document; for another engine, the first one that it lists."""


@dataclass(frozen=True, slots=True)
class EngineMessage:
    """A message of the engine."""

    event: str
    content: str
    metadata: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.event} {excerpt(self.content, 40)} {excerpt(json.dumps(self.metadata), 60)}"

    def is_update(self, part: str = "") -> bool:
        """Whether it is a system_update that contains this text."""
        return self.event == "system_update" and part in self.content


@dataclass(frozen=True, slots=True)
class Answer:
    """All messages of an answer, its chat_end last."""

    messages: tuple[EngineMessage, ...]

    @property
    def chunks(self) -> list[EngineMessage]:
        """Its chat_chunks."""
        return [message for message in self.messages if message.event == "chat_chunk"]

    @property
    def pieces(self) -> list[str]:
        """The text of its chunks."""
        return [chunk.content for chunk in self.chunks]

    @property
    def text(self) -> str:
        """Its whole text."""
        return "".join(self.pieces)

    @property
    def failed(self) -> bool:
        """Whether one of its messages is an error."""
        return any(message.event == "error" for message in self.messages)

    @property
    def total(self) -> Any:
        """The `total_tokens` of its chat_end."""
        return self.messages[-1].metadata.get("total_tokens")

    @property
    def others(self) -> list[EngineMessage]:
        """Its messages other than chunks, the end and the announcement."""
        return [
            message
            for message in self.messages
            if message.event not in ("chat_chunk", "chat_end")
            and not (message.is_update() and message.content == THINKING)
        ]


def listed(messages: Iterable[EngineMessage]) -> str:
    """Messages for a report."""
    return "; ".join(map(str, messages)) or "nothing"


def rows(value: object) -> list[dict[str, Any]]:
    """The objects of a list in the metadata; empty for anything else."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
