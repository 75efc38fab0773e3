"""A scenario: one named case, declared by decorating the function that judges it.

The function's name is the scenario's id, its module the category, its
docstring the description, its body the checks. The name of its one parameter
says what the function receives (see Actor).
Ids are stable: a scenario may be replaced, but it is never renamed and its name is
never used again.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any, TypeVar

from conformance.core.clause import Clause
from conformance.core.script import Script

F = TypeVar("F", bound=Callable[..., Any])

FIRST = "0.1.0"
"""The version of the suite that a scenario without `since` has been in from the beginning."""

DEADLINE = 10.0
"""Default deadline of a scenario, in seconds on a calm machine."""

VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
"""A version of the suite."""

_ATTRIBUTE = "__conformance_scenario__"
"""The attribute of a decorated function that holds its Scenario."""


class ScenarioError(ValueError):
    """A scenario is declared wrongly; the message names the file, the function and the fix."""


class Actor(Enum):
    """What a scenario's function receives, known by the name of its one parameter."""

    RESPONSE = "response"
    """A plain function judges the finished response."""
    EXCHANGE = "exchange"
    """A coroutine plays the client of one live exchange, which has begun."""
    CHAT = "chat"
    """A coroutine plays the client of one live connection to a chat backend."""
    BENCH = "bench"
    """A coroutine makes its own exchanges or connections, and reaches the daemon's process."""


class Api(Enum):
    """What a daemon finds at its API's address."""

    MOCK = "mock"
    """The mock API."""
    REFUSING = "refusing"
    """A closed port: every connection is refused."""
    SILENT = "silent"
    """A server that accepts connections and never answers."""
    UNREACHABLE = "unreachable"
    """An address that neither accepts nor refuses: a connect does not finish."""
    UNTRUSTED = "untrusted"
    """The mock API; its certificate (TLS) is signed by a CA that the daemon does not trust."""
    MISNAMED = "misnamed"
    """The mock API at an address that its certificate (TLS) does not name."""
    ABRUPT = "abrupt"
    """A server that answers 413 as soon as it has read a request's head."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a daemon instance is started for a scenario that needs its own."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the daemon, passed on as the manifest's [options] say. The scenario does not
    apply to a daemon whose manifest lacks one of them."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables; they override the manifest's."""
    nofile: int | None = None
    """RLIMIT_NOFILE, soft and hard."""
    api: Api = Api.MOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One named case of a profile's catalog."""

    name: str
    category: str
    description: str
    clause_ids: tuple[str, ...] = ()
    pattern: str | None = None
    """What the mock API does; None stands for its ordinary answer."""
    script: Script | None = None
    """The same, step by step, in place of a pattern."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the handoff data in addition to the defaults."""
    everywhere: bool = False
    """Judged in every variant, because the upstream's transport or the format matters."""
    needs: tuple[str, ...] = ()
    """Capabilities without which the scenario does not apply: `body`, `format=openai`."""
    alone: bool = False
    """Gets a daemon instance of its own."""
    start: Start = Start()
    quiet: bool = False
    """Runs while no other scenario runs on the machine."""
    deadline: float = DEADLINE
    """Seconds on a calm machine; a hang is a failed check."""
    evidence: str | None = None
    """The bug report, or the section of a standard, that the scenario is based on."""
    since: str = FIRST
    """The first version of the suite that has the scenario: `0.2.0`."""
    function: Callable[..., Any]
    profile: str = ""
    """The profile that it was loaded for; empty as declared."""
    clauses: tuple[Clause, ...] = ()
    """Those of `clause_ids`, as the profile words them; empty as declared."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What `-m` selects by: its category, clauses and levels, `alone` and `quiet`."""
        marks = [self.category]
        for clause in self.clauses:
            marks += [clause.id, clause.level.value.lower()]
        marks += ["alone"] * self.alone + ["quiet"] * self.quiet
        return tuple(dict.fromkeys(marks))

    @property
    def actor(self) -> Actor:
        """What the function receives."""
        return _actor(self.function)

    @property
    def where(self) -> str:
        """`catalog/unicode.py:12: unicode_emoji`: where it is declared, for an error."""
        return _where(self.function)


def scenario(
    misplaced: object = None,
    /,
    *,
    clause: str | tuple[str, ...] = (),
    pattern: str | None = None,
    script: Script | None = None,
    request: Mapping[str, Any] | None = None,
    everywhere: bool = False,
    needs: tuple[str, ...] = (),
    alone: bool = False,
    start: Start | None = None,
    quiet: bool = False,
    deadline: float = DEADLINE,
    evidence: str | None = None,
    since: str = FIRST,
) -> Callable[[F], F]:
    """Declare the decorated function a scenario of the module that it stands in.

    The module's last name is the category. A profile looks the clauses up when it loads the
    scenario. Raises ScenarioError for a missing clause or description, a name that is taken,
    or a parameter that no Actor has.
    """
    clauses = (clause,) if isinstance(clause, str) else clause

    def declare(function: F) -> F:
        name = function.__name__
        _check(function, clauses)
        if pattern is not None and script is not None:
            raise _error(function, "has both a pattern and a script; remove one of them")
        if not VERSION.fullmatch(since):
            raise _error(function, f"since={since!r} is not a version such as 0.2.0; correct it")
        if start is not None and not alone:
            raise _error(function, "start=… needs an instance of its own; add alone=True")
        declared = Scenario(
            name=name,
            category=function.__module__.rpartition(".")[2],
            description=inspect.getdoc(function) or "",
            clause_ids=clauses,
            pattern=pattern,
            script=script,
            request=dict(request or {}),
            everywhere=everywhere,
            needs=needs,
            alone=alone,
            start=start or Start(),
            quiet=quiet,
            deadline=deadline,
            evidence=evidence,
            since=since,
            function=function,
        )
        setattr(function, _ATTRIBUTE, declared)
        return function

    if misplaced is not None:
        fix = 'write @scenario(clause="…"), with the clause that it judges'
        raise _error(misplaced, fix) if inspect.isfunction(misplaced) else ScenarioError(fix)
    return declare


def scenario_of(value: object) -> Scenario | None:
    """The Scenario that this function declares; None for every other object."""
    return getattr(value, _ATTRIBUTE, None) if inspect.isfunction(value) else None


def declared_in(module: ModuleType) -> Iterator[Scenario]:
    """The scenarios that this module declares, in order, without those that it imports."""
    for value in vars(module).values():
        scenario = scenario_of(value)
        if scenario is not None and value.__module__ == module.__name__:
            yield scenario


def _check(function: Callable[..., Any], clauses: tuple[str, ...]) -> None:
    """Raise ScenarioError for what every scenario must have."""
    if not clauses:
        raise _error(function, 'has no clause; add the one that it judges: clause="…"')
    if not inspect.getdoc(function):
        raise _error(function, "has no description; write it as the function's docstring")
    other = function.__globals__.get(function.__name__)
    if scenario_of(other) is not None and _line(other) != _line(function):
        raise _error(function, f"the name is taken by line {_line(other)}; rename one of them")
    _actor(function)


def _actor(function: Callable[..., Any]) -> Actor:
    names = list(inspect.signature(function).parameters)
    live = inspect.iscoroutinefunction(function)
    for actor in Actor:
        if names == [actor.value] and live == (actor is not Actor.RESPONSE):
            return actor
    written = f"{'async ' * live}def {function.__name__}({', '.join(names)})"
    raise _error(
        function,
        f"expected `def name(response)`, `async def name(exchange)`, `async def name(chat)` or "
        f"`async def name(bench)`, found `{written}`; correct the parameter",
    )


def _error(function: Callable[..., Any], what: str) -> ScenarioError:
    return ScenarioError(f"{_where(function)}: {what}")


def _where(function: Callable[..., Any]) -> str:
    return f"{function.__code__.co_filename}:{_line(function)}: {function.__name__}"


def _line(function: Any) -> int:
    return int(function.__code__.co_firstlineno)
