"""The frames of a support chat, and the turns that they make up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conformance.core.quoting import excerpt

TERMINAL = ("message_complete", "interrupt", "interrupt_expired", "clarification", "error")
KNOWN = ("token", "tool_call", "tool_result", *TERMINAL)

Frame = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """All frames of a turn, its terminal frame last."""

    frames: tuple[Frame, ...]

    def of(self, kind: str) -> list[Frame]:
        """Its frames of this type."""
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def pieces(self) -> list[Any]:
        """The content of its tokens."""
        return [token.get("content") for token in self.of("token")]

    @property
    def failed(self) -> bool:
        """Whether one of its frames is an error."""
        return bool(self.of("error"))

    @property
    def agents(self) -> list[Any]:
        """The agent of each of its tokens."""
        return [token.get("agent") for token in self.of("token")]

    @property
    def terminal(self) -> Frame:
        """Its last frame."""
        return self.frames[-1]

    def place(self, kind: str) -> int:
        """The index of its first frame of this type; the number of frames if there is none."""
        kinds = [frame["type"] for frame in self.frames]
        return kinds.index(kind) if kind in kinds else len(kinds)

    def __str__(self) -> str:
        return listed(self.frames)


def listed(frames: Iterable[Frame]) -> str:
    """Frames for a report."""
    return excerpt("; ".join(json.dumps(frame, ensure_ascii=False) for frame in frames), 200)
