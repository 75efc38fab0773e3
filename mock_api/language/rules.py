"""Rules: answers by what a request says, from a file or from the control API.

    answers:
      - when: weather
        call: {name: weather, arguments: {city: Zürich}}
      - when: {matches: "^(Hi|Hello)", model: "gpt-*"}
        say: Hello! How can I help?
        with: pace:20
      - fail: 429
        times: 1

A request that names a pattern gets that; any other gets the first rule that matches it. A rule
with `times` is used that number of times. A recording (net/recorder.py) is such a file, too.
docs/mock.md describes the fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mock_api.language.answer import Answer, Call, Options, Text, Thought
from mock_api.language.encoders.chat import CHAT
from mock_api.language.encoders.encoder import Asked, Encoder
from mock_api.language.json_values import Reader, ScriptError, fields, many, text, whole
from mock_api.language.openai import compact
from mock_api.language.patterns import PatternError, modified, script
from mock_api.language.script import Attempts, Script
from mock_api.language.script_json import from_json
from mock_api.language.selection import last_user_text

APPLIED = "answer"
"""The value of X-Test-Pattern-Applied for the answer of a rule."""

MOST_TIMES = 1_000_000

_PIECE = re.compile(r"\s*\S+\s*\Z|\s*\S+|\s+")


class Question(NamedTuple):
    """What a rule looks at."""

    path: str
    body: dict[str, Any]
    text: str
    """What the user said last."""
    role: str
    """The role of the last message; `user` for a text."""


def question(path: str, body: dict[str, Any], conversation: str) -> Question:
    """What a request to this path asks."""
    told = body.get(conversation)
    role = "user"
    if isinstance(told, list) and told and isinstance(told[-1], dict):
        last = told[-1]
        result = last.get("type") == "function_call_output" or _has_result(last.get("content"))
        role = "tool" if result else str(last.get("role", "user"))
    return Question(path, body, last_user_text(told), role)


def _has_result(content: Any) -> bool:
    blocks = content if isinstance(content, list) else ()
    return any(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)


@dataclass(frozen=True, slots=True)
class When:
    """Which requests a rule is for; what is None does not matter."""

    text: str | None = None
    contains: str | None = None
    matches: re.Pattern[str] | None = None
    model: str | None = None
    """As in a shell: `gpt-*`."""
    path: str | None = None
    role: str | None = None
    body: Any = None
    """The whole body, as JSON."""

    def fits(self, question: Question) -> bool:
        """Whether the rule is for this request."""
        model = str(question.body.get("model", ""))
        return (
            self.text in (None, question.text)
            and (self.contains is None or self.contains in question.text)
            and (self.matches is None or self.matches.search(question.text) is not None)
            and (self.model is None or fnmatchcase(model, self.model))
            and self.path in (None, question.path)
            and self.role in (None, question.role)
            and self.body in (None, question.body)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """An answer, and for which requests it is."""

    when: When
    what: Answer | Script | str
    """What the model says, or a script, or a pattern."""
    modifiers: tuple[str, ...] = ()
    times: int | None = None
    """How often it is used; None: always."""

    def script(self, options: Options, encoder: Encoder, asked: Asked) -> Script:
        """What is sent. Raises PatternError."""
        if isinstance(self.what, str):
            name = "+".join((self.what, *self.modifiers))
            return script(name, options, encoder=encoder, asked=asked)
        stream = asked.stream
        if isinstance(self.what, Script):
            headers = (*self.what.headers, ("x-test-pattern-applied", APPLIED))
            made = replace(self.what, headers=headers)
        else:
            made = encoder.script(self.what, asked, APPLIED, options)
        return modified(made, self.modifiers, "+".join(self.modifiers), stream=stream)


class Rules:
    """Rules in order, and how often each was used."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = list(rules)
        self._used: dict[Rule, int] = {}

    def add(self, rules: Iterable[Rule], *, first: bool) -> None:
        """Add them behind the others, or before them."""
        self._rules = [*rules, *self._rules] if first else [*self._rules, *rules]

    def choose(self, question: Question) -> Rule | None:
        """The first rule for this request; it counts as used."""
        for rule in self._rules:
            if rule.when.fits(question):
                if rule.times is not None:
                    used = self._used.get(rule, 0)
                    if used >= rule.times:
                        continue
                    self._used[rule] = used + 1
                return rule
        return None


def load(path: Path) -> Rules:
    """The rules of a file, YAML or JSON. Raises OSError and ScriptError."""
    content = path.read_text()
    try:
        value = json.loads(content) if path.suffix == ".json" else yaml.safe_load(content)
    except (ValueError, yaml.YAMLError) as error:
        raise ScriptError(str(path), "JSON or YAML", str(error)) from None
    readers: Mapping[str, Reader[Any]] = {"answers": rules}
    return Rules(fields(str(path), value, readers, required=("answers",))["answers"])


def rules(where: str, value: Any) -> tuple[Rule, ...]:
    """A list of rules. Raises ScriptError."""
    return many(_rule)(where, value)


def _rule(where: str, value: Any) -> Rule:
    read = fields(where, value, _RULE)
    kinds = [name for name in ("say", "call", "pattern", "script", "fail") if name in read]
    said = {"say", "call"} >= set(kinds) and kinds
    if not said and len(kinds) != 1:
        expected = "one of pattern, script and fail; or say, call or both"
        raise ScriptError(where, expected, sorted(value))
    if not said and (read.keys() & {"think", "finish"}):
        raise ScriptError(where, "think and finish only with say or call", sorted(value))
    what: Answer | Script | str
    if said:
        calls = read.get("call", ())
        parts = (*map(Thought, read.get("think", ())), *map(Text, read.get("say", ())), *calls)
        what = Answer(parts, (read.get("finish", "tool_calls" if calls else "stop"),))
    elif "fail" in read:
        what = f"status:{read['fail']}"
    else:
        what = read[kinds[0]]
    rule = Rule(read.get("when", When()), what, read.get("with", ()), read.get("times"))
    _check(where, rule)
    return rule


def _check(where: str, rule: Rule) -> None:
    """Make the script once, so that a mistake is found where it is written."""
    try:
        rule.script(Options(), CHAT, Asked())
    except PatternError as error:
        raise ScriptError(where, "a pattern and modifiers that exist", str(error)) from None


def _when(where: str, value: Any) -> When:
    if isinstance(value, str):
        return When(contains=value)
    return When(**fields(where, value, _WHEN))


def _deltas(where: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(_PIECE.findall(value)) or ("",)
    return many(text)(where, value)


def _calls(where: str, value: Any) -> tuple[Call, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(_call(f"{where}[{index}]", each, index) for index, each in enumerate(values))


def _call(where: str, value: Any, index: int) -> Call:
    readers: Mapping[str, Reader[Any]] = {"name": text, "arguments": _any, "id": text}
    read = fields(where, value, readers, required=("name",))
    arguments = read.get("arguments", {})
    shown = arguments if isinstance(arguments, str) else compact(arguments).decode()
    pieces = tuple(shown[at : at + 8] for at in range(0, len(shown), 8))
    return Call(read.get("id", f"call_{index + 1}"), read["name"], pieces)


def _pattern(where: str, value: Any) -> re.Pattern[str]:
    try:
        return re.compile(text(where, value), re.IGNORECASE)
    except re.error as error:
        raise ScriptError(where, f"a regular expression ({error})", value) from None


def _modifiers(where: str, value: Any) -> tuple[str, ...]:
    return tuple(text(where, value).split("+"))


def _script(where: str, value: Any) -> Script:
    try:
        made = from_json(value)
    except ScriptError as error:
        raise ScriptError(where, f"a script ({error})", value) from None
    if isinstance(made, Attempts):
        raise ScriptError(where, "one script; write a rule with times for each attempt", value)
    return made


def _any(where: str, value: Any) -> Any:
    return value


_WHEN: Mapping[str, Reader[Any]] = {
    "text": text,
    "contains": text,
    "matches": _pattern,
    "model": text,
    "path": text,
    "role": text,
    "body": _any,
}
_RULE: Mapping[str, Reader[Any]] = {
    "when": _when,
    "say": _deltas,
    "think": _deltas,
    "call": _calls,
    "finish": text,
    "pattern": text,
    "script": _script,
    "fail": whole(400, 599),
    "with": _modifiers,
    "times": whole(1, MOST_TIMES),
}
