"""An answer: what the model is made to say, whatever way it is then sent.

The same answer is given to `stream: true` as events and to `stream: false` as one
object. No answer begins with a role delta, as the API itself does: the counts that
docs/patterns.md gives are counts of content, and every event of an ordinary answer
carries some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mock_api.language import openai
from mock_api.language.script import Framing, Script
from mock_api.language.steps import Write, spaced

MOST = 100_000
"""The largest N a pattern takes; it bounds what one request can make the mock compute."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about every answer."""

    chunks: int = 18
    delay: float = 0.0
    """Seconds before each event."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model is made to say."""

    deltas: tuple[str, ...]
    finish: str | None
    """None: the answer ends without a finish_reason, and without `[DONE]`."""
    spoken: tuple[bytes, ...] | None = None
    """The events, where they are not just these deltas and this finish."""

    def events(self) -> tuple[bytes, ...]:
        """The answer as server-sent events."""
        if self.spoken is not None:
            return self.spoken
        said = tuple(openai.event(openai.chunk({"content": text})) for text in self.deltas)
        if self.finish is None:
            return said
        return (*said, openai.event(openai.chunk({}, self.finish)), openai.DONE)

    def streamed(self, name: str, delay: float) -> Script:
        """The script for `stream: true`: one write an event."""
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
        said = openai.completion("".join(self.deltas), self.finish, len(self.deltas))
        return Script(
            headers=(("content-type", "application/json"), ("x-test-pattern-applied", name)),
            steps=(Write(openai.compact(said)),),
            framing=Framing.LENGTH,
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of the table of patterns."""

    name: str
    """As it is written, the argument in capitals: `abort:N`."""
    meaning: str
    example: str
    answer: Callable[[str, Options], Answer]
    """From the argument to the answer; ValueError says what the argument must be."""

    @property
    def word(self) -> str:
        """The part before the colon."""
        return self.name.partition(":")[0]


def number(argument: str, *, least: int = 0, most: int = MOST) -> int:
    """The argument N. Raises ValueError."""
    if not (argument.isascii() and argument.isdigit() and len(argument) <= 9):
        raise ValueError(f"N is a decimal number from {least} to {most}")
    if not least <= int(argument) <= most:
        raise ValueError(f"N is a decimal number from {least} to {most}")
    return int(argument)
