"""From a pattern string to the script that answers it.

A pattern is one answer (answers.py, odd_answers.py) or one failure, and any number
of shapes: `unicode`, `status:429`, `crlf`, `abort:5+gzip+bytes`. The parts are joined
with `+`; each is a name, or `name:ARGUMENT`. Shapes alone are shapes of the ordinary
answer. docs/patterns.md repeats the tables for readers; a test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from mock_api.language.answer import MOST, Answer, Options
from mock_api.language.answers.ordinary import ORDINARY_PATTERNS
from mock_api.language.answers.unusual import ODD_PATTERNS
from mock_api.language.failures import FAILURES
from mock_api.language.modifiers.events import EVENT_SHAPES
from mock_api.language.modifiers.wire import WIRE_SHAPES
from mock_api.language.registered import SCRIPT
from mock_api.language.script import Script

__all__ = [
    "FAILURES",
    "MOST",
    "PATTERNS",
    "SCRIPT",
    "SHAPES",
    "Options",
    "PatternError",
    "answer",
    "script",
]

SHAPES = (*WIRE_SHAPES, *EVENT_SHAPES)
PATTERNS = (*ORDINARY_PATTERNS, *ODD_PATTERNS)

_ANSWERS = {pattern.word: pattern for pattern in PATTERNS}
_FAILURES = {failure.word: failure for failure in FAILURES}
_SHAPES = {shape.word: shape for shape in SHAPES}

_NAMES = [each.name for each in (*PATTERNS, *FAILURES, *SHAPES) if each.name]
VALID = ", ".join([*_NAMES, f"{SCRIPT}NAME"])
"""The names of all patterns."""

THERE_ARE = f"there are: {VALID}"
"""For people who mistyped one."""


class PatternError(ValueError):
    """The pattern is unknown or malformed; the message says how and names the valid ones."""


class Named(Protocol):
    """A line of a table."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def applied_name(text: str) -> str:
    """What `X-Test-Pattern-Applied` says."""
    return text or "default"


def answer(text: str, options: Options) -> Answer:
    """What an answer's pattern (without shapes) says. Raises PatternError."""
    pattern, argument = _find(_ANSWERS, text, text)
    try:
        return pattern.answer(argument, options)
    except ValueError as error:
        raise _malformed(text, pattern, error) from None


def script(text: str, options: Options, *, stream: bool) -> Script:
    """The pattern's script, made once. Raises PatternError."""
    first, *rest = text.split("+")
    word = first.partition(":")[0]
    name = applied_name(text)
    if word in _FAILURES:
        failure, argument = _find(_FAILURES, first, text)
        try:
            made = failure.script(argument, name)
        except ValueError as error:
            raise _malformed(text, failure, error) from None
        stream = False
    else:
        if not first and rest:
            raise PatternError(f"malformed pattern {text[:200]!r}: it begins with '+'; {THERE_ARE}")
        if word in _SHAPES:
            first, rest = "", [first, *rest]
        pattern, argument = _find(_ANSWERS, first, text)
        try:
            said = pattern.answer(argument, options)
        except ValueError as error:
            raise _malformed(text, pattern, error) from None
        made = said.streamed(name, options.delay) if stream else said.whole(name)
    for part in rest:
        shape, argument = _find(_SHAPES, part, text)
        try:
            shaped = shape.apply(made, argument)
        except ValueError as error:
            raise _malformed(text, shape, error) from None
        made = shaped if stream or not shape.text else made
    return made


def _find(table: Mapping[str, N], part: str, text: str) -> tuple[N, str]:
    """The table's line for this part of a pattern, and the argument."""
    word, colon, argument = part.partition(":")
    found = table.get(word)
    if found is None:
        what = f"unknown pattern {text[:200]!r}"
        raise PatternError(f"{what}: nothing is named {word[:80]!r} here; {THERE_ARE}")
    if bool(colon) != (":" in found.name):
        form = f"is written {found.name!r}" if not colon else "takes no argument"
        raise PatternError(f"malformed pattern {text[:200]!r}: {word!r} {form}; {THERE_ARE}")
    return found, argument


def _malformed(text: str, found: Named, why: ValueError) -> PatternError:
    return PatternError(f"malformed pattern {text[:200]!r}: in {found.name!r} {why}; {THERE_ARE}")
