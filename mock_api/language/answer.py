"""An answer: what the model says, before any API's form is given to it.

An answer is a sequence of parts. An encoder (encoders/) turns it into the events of one API, or
into the one object of `stream: false`: the same parts either way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mock_api.language.named import Named


@dataclass(frozen=True, slots=True)
class Pace:
    """When tokens leave; an event counts as a token."""

    rate: float | None = None
    """Tokens per second; None: all at once."""
    first: float = 0.0
    """Seconds before the first token."""
    jitter: float = 0.0
    """The longest additional wait before a token, in seconds."""
    seed: int = 1
    """Of the random numbers; the same seed has the same times."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line's options for every answer."""

    chunks: int = 18
    """Deltas of the ordinary answer."""
    delay: float = 0.0
    """Seconds before each event."""
    pace: Pace = field(default_factory=Pace)
    strict: bool = False
    """Requests are validated as the API does."""
    models: tuple[str, ...] = ()
    """The models that there are; empty: any."""


@dataclass(frozen=True, slots=True)
class Text:
    """A delta of a choice's text."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Thought:
    """A delta of what the model thinks."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; its arguments arrive in pieces of JSON."""

    id: str
    name: str
    pieces: tuple[str, ...]

    @property
    def arguments(self) -> str:
        """The arguments as JSON."""
        return "".join(self.pieces)

    @property
    def value(self) -> Any:
        """The arguments' value."""
        return json.loads(self.arguments)


@dataclass(frozen=True, slots=True)
class Chunk:
    """An unusual chunk of chat completions that says nothing; other APIs have no such thing."""

    value: Mapping[str, Any]


Part = Text | Thought | Call | Chunk


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says."""

    parts: tuple[Part, ...]
    finishes: tuple[str, ...] = ("stop",)
    """The finish_reason of each choice; empty: the answer ends without one."""
    usage: bool = False
    """The usage is sent although the request did not ask for it."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of each chunk of chat completions that has text."""
    fault: str | None = None
    """The model fails after the parts, with this message."""

    @property
    def finish(self) -> str | None:
        """The finish_reason of choice 0; None: the answer ends without one."""
        return self.finishes[0] if self.finishes else None

    @property
    def deltas(self) -> tuple[str, ...]:
        """The texts of choice 0 that are not empty."""
        texts = (part for part in self.parts if isinstance(part, Text))
        return tuple(part.text for part in texts if part.text and not part.choice)

    @property
    def thoughts(self) -> tuple[str, ...]:
        """What the model thinks."""
        return tuple(part.text for part in self.parts if isinstance(part, Thought))

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of tools."""
        return tuple(part for part in self.parts if isinstance(part, Call))

    def text(self, choice: int = 0) -> str:
        """The whole text of a choice."""
        texts = (part for part in self.parts if isinstance(part, Text))
        return "".join(part.text for part in texts if part.choice == choice)

    @property
    def tokens(self) -> int:
        """Its tokens: each delta and each piece of arguments counts as one."""
        pieces = sum(len(call.pieces) for call in self.calls)
        said = sum(1 for part in self.parts if isinstance(part, (Text, Thought)) and part.text)
        return said + pieces


def said(*deltas: str, finish: str | None = "stop") -> Answer:
    """An answer of text."""
    parts = tuple(Text(delta) for delta in deltas)
    return Answer(parts, () if finish is None else (finish,))


@dataclass(frozen=True, slots=True)
class Pattern(Named):
    """A named answer."""

    answer: Callable[[str, Options], Answer]
    """From the argument to the answer. Raises ValueError with what the argument must be."""
