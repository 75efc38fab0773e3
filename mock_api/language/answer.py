"""An answer: what the model says, in whichever form it is then sent.

The mock sends the same answer to `stream: true` as events and to `stream: false` as one
object. An ordinary answer does not begin with a role delta, unlike the API's own: so the
counts in docs/patterns.md are counts of content, and every event carries some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mock_api.language import openai
from mock_api.language.named import Named
from mock_api.language.script import Framing, Script
from mock_api.language.steps import Write, spaced


@dataclass(frozen=True, slots=True)
class Options:
    """The command line's options for every answer."""

    chunks: int = 18
    """Deltas of the ordinary answer."""
    delay: float = 0.0
    """Seconds before each event."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says."""

    deltas: tuple[str, ...]
    finish: str | None
    """The finish_reason; None: the answer ends without one, and without `[DONE]`."""
    special: tuple[bytes, ...] | None = None
    """The events, if they are not just these deltas and this finish_reason."""

    def events(self) -> tuple[bytes, ...]:
        """The answer as server-sent events."""
        if self.special is not None:
            return self.special
        deltas = tuple(openai.event(openai.chunk({"content": text})) for text in self.deltas)
        if self.finish is None:
            return deltas
        return (*deltas, openai.event(openai.chunk({}, self.finish)), openai.DONE)

    def streamed(self, name: str, delay: float) -> Script:
        """The script for `stream: true`: one write for each event."""
        return Script(
            headers=(
                ("content-type", "text/event-stream"),
                ("cache-control", "no-cache"),
                ("x-test-pattern-applied", name),
            ),
            steps=tuple(spaced(self.events(), delay=delay)),
        )

    def whole(self, name: str) -> Script:
        """The script for `stream: false`: one object."""
        value = openai.completion("".join(self.deltas), self.finish, len(self.deltas))
        return Script(
            headers=(("content-type", "application/json"), ("x-test-pattern-applied", name)),
            steps=(Write(openai.compact(value)),),
            framing=Framing.LENGTH,
        )


@dataclass(frozen=True, slots=True)
class Pattern(Named):
    """A named answer."""

    answer: Callable[[str, Options], Answer]
    """From the argument to the answer. Raises ValueError with what the argument must be."""
