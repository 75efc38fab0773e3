"""From a pattern string to the script that answers it.

A pattern is one answer or one failure, and any number of modifiers: `unicode`, `status:429`,
`crlf`, `abort:5+gzip+bytes`. The parts are joined with `+`; each is a name, or
`name:ARGUMENT`. Modifiers alone change the ordinary answer. docs/patterns.md lists the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from mock_api.language.answer import Answer, Options
from mock_api.language.answers.ordinary import ORDINARY_PATTERNS
from mock_api.language.answers.unusual import UNUSUAL_PATTERNS
from mock_api.language.failures import FAILURES
from mock_api.language.modifiers.events import EVENT_MODIFIERS
from mock_api.language.modifiers.wire import WIRE_MODIFIERS
from mock_api.language.named import Named
from mock_api.language.registered import SCRIPT
from mock_api.language.script import Script

PATTERNS = (*ORDINARY_PATTERNS, *UNUSUAL_PATTERNS)
MODIFIERS = (*WIRE_MODIFIERS, *EVENT_MODIFIERS)

_ANSWERS = {pattern.word: pattern for pattern in PATTERNS}
_FAILURES = {failure.word: failure for failure in FAILURES}
_MODIFIERS = {modifier.word: modifier for modifier in MODIFIERS}

_NAMES = [part.name for part in (*PATTERNS, *FAILURES, *MODIFIERS) if part.name]
_KNOWN = f"there are: {', '.join([*_NAMES, f'{SCRIPT}NAME'])}"
"""The end of an error: the names of all parts."""


class PatternError(ValueError):
    """The pattern is unknown or malformed; the message names the valid ones."""


def applied_name(text: str) -> str:
    """The value of `X-Test-Pattern-Applied`."""
    return text or "default"


def answer(text: str, options: Options) -> Answer:
    """The answer of a pattern without modifiers. Raises PatternError."""
    pattern, argument = _find(_ANSWERS, text, text)
    try:
        return pattern.answer(argument, options)
    except ValueError as error:
        raise _malformed(text, pattern, error) from None


def script(text: str, options: Options, *, stream: bool) -> Script:
    """The pattern's script. Raises PatternError."""
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
            raise PatternError(f"malformed pattern {text[:200]!r}: it begins with '+'; {_KNOWN}")
        if word in _MODIFIERS:
            first, rest = "", [first, *rest]
        pattern, argument = _find(_ANSWERS, first, text)
        try:
            plain = pattern.answer(argument, options)
        except ValueError as error:
            raise _malformed(text, pattern, error) from None
        made = plain.streamed(name, options.delay) if stream else plain.whole(name)
    for part in rest:
        modifier, argument = _find(_MODIFIERS, part, text)
        try:
            modified = modifier.apply(made, argument)
        except ValueError as error:
            raise _malformed(text, modifier, error) from None
        made = modified if stream or not modifier.text else made
    return made


N = TypeVar("N", bound=Named)


def _find(table: Mapping[str, N], part: str, text: str) -> tuple[N, str]:
    """The table's line for this part of a pattern, and the argument."""
    word, colon, argument = part.partition(":")
    line = table.get(word)
    if line is None:
        raise PatternError(f"unknown pattern {text[:200]!r}: no part {word[:80]!r} here; {_KNOWN}")
    if bool(colon) != (":" in line.name):
        form = f"is written {line.name!r}" if not colon else "takes no argument"
        raise PatternError(f"malformed pattern {text[:200]!r}: {word!r} {form}; {_KNOWN}")
    return line, argument


def _malformed(text: str, line: Named, reason: ValueError) -> PatternError:
    return PatternError(f"malformed pattern {text[:200]!r}: in {line.name!r} {reason}; {_KNOWN}")
