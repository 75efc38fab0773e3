"""From a pattern string to the script that answers it.

A pattern is one answer or one failure, and any number of modifiers: `unicode`, `status:429`,
`crlf`, `abort:5+gzip+bytes`. The parts are joined with `+`; each is a name, or
`name:ARGUMENT`. Modifiers alone change the ordinary answer. docs/patterns.md lists the parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from mock_api.language.answer import Answer, Options
from mock_api.language.answers.ordinary import ORDINARY_PATTERNS
from mock_api.language.answers.unusual import UNUSUAL_PATTERNS
from mock_api.language.encoders.chat import CHAT
from mock_api.language.encoders.encoder import Asked, Encoder
from mock_api.language.failures import FAILURES
from mock_api.language.modifiers.dialects import DIALECTS
from mock_api.language.modifiers.events import EVENT_MODIFIERS
from mock_api.language.modifiers.wire import WIRE_MODIFIERS
from mock_api.language.named import Named
from mock_api.language.registered import SCRIPT
from mock_api.language.script import Script

PATTERNS = (*ORDINARY_PATTERNS, *UNUSUAL_PATTERNS)
MODIFIERS = (*WIRE_MODIFIERS, *EVENT_MODIFIERS, *DIALECTS)

STREAMED = Asked()

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


def answer(part: str, options: Options, text: str | None = None) -> Answer:
    """The answer of a pattern without modifiers; `text` is the whole one. Raises PatternError."""
    text = part if text is None else text
    pattern, argument = _find(_ANSWERS, part, text)
    try:
        return pattern.answer(argument, options)
    except ValueError as error:
        raise _malformed(text, pattern, error) from None


def script(
    text: str, options: Options, *, encoder: Encoder = CHAT, asked: Asked = STREAMED
) -> Script:
    """The pattern's script, as an API sends it. Raises PatternError."""
    first, *rest = text.split("+")
    word = first.partition(":")[0]
    name = applied_name(text)
    stream = asked.stream and word not in _FAILURES
    if word in _FAILURES:
        failure, argument = _find(_FAILURES, first, text)
        try:
            made = failure.script(argument, name, encoder)
        except ValueError as error:
            raise _malformed(text, failure, error) from None
    else:
        if not first and rest:
            raise PatternError(f"malformed pattern {text[:200]!r}: it begins with '+'; {_KNOWN}")
        if word in _MODIFIERS:
            first, rest = "", [first, *rest]
        made = encoder.script(answer(first, options, text), asked, name, options)
    return modified(made, rest, text, stream=stream)


def modified(made: Script, parts: Sequence[str], text: str, *, stream: bool) -> Script:
    """The script after these modifiers; `text` is the whole pattern. Raises PatternError."""
    for part in parts:
        modifier, argument = _find(_MODIFIERS, part, text)
        try:
            changed = modifier.apply(made, argument)
        except ValueError as error:
            raise _malformed(text, modifier, error) from None
        made = changed if stream or not modifier.text else made
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
