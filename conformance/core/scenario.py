"""A scenario: one named case, declared by decorating the function that judges it.

The function's name is the scenario's id, its module the category, its
docstring the description, its body the checks. What it is given follows from
the name of its one parameter (see Actor).
Ids are stable for ever: a scenario may be replaced, never renamed or reused.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from conformance.core.clause import Clause
from conformance.core.script import Script

F = TypeVar("F", bound=Callable[..., Any])

DEADLINE = 10.0
"""Seconds a scenario may take on a calm machine, unless it says otherwise."""


class Actor(Enum):
    """What a scenario's function is given, known by the name of its one parameter."""

    RESPONSE = "response"
    """A plain function judges the finished response."""
    EXCHANGE = "exchange"
    """A coroutine plays the client of one live exchange, which has been handed off."""
    CHAT = "chat"
    """A coroutine plays the client of one chat backend's live connection."""
    BENCH = "bench"
    """A coroutine makes its own exchanges or connections, and reaches the daemon's process."""


class Api(Enum):
    """What a daemon finds where its API should be."""

    MOCK = "mock"
    """The mock API."""
    REFUSING = "refusing"
    """Nobody listens: every connection is refused."""
    SILENT = "silent"
    """Connections are accepted, and nothing is ever said on them."""
    UNREACHABLE = "unreachable"
    """Connections are neither accepted nor refused: connecting takes for ever."""
    UNTRUSTED = "untrusted"
    """The mock API; its certificate (TLS) is signed by a CA that the daemon was not given."""
    MISNAMED = "misnamed"
    """The mock API at an address that its certificate (TLS) does not name."""
    ABRUPT = "abrupt"
    """Requests are answered 413 when their head has come, and read no further."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a daemon instance is started for a scenario that needs its own."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Wishes, passed on as the manifest's [options] say; one that a manifest cannot express
    makes the scenario not applicable to that daemon."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that win over the manifest's."""
    nofile: int | None = None
    """RLIMIT_NOFILE, soft and hard."""
    api: Api = Api.MOCK


@dataclass(frozen=True, slots=True)
class Scenario:
    """One named case of a profile's catalog."""

    name: str
    category: str
    description: str
    clause_ids: tuple[str, ...]
    pattern: str | None
    """What the mock API is asked to do; None asks for its ordinary answer."""
    script: Script | None
    """The same, step by step, in place of a pattern."""
    request: Mapping[str, Any]
    """Fields of the handoff data beside the defaults."""
    everywhere: bool
    """Judged in every variant, because the upstream's transport or the format matters."""
    needs: tuple[str, ...]
    """Capabilities without which the scenario is not applicable: `body`, `format=openai`."""
    alone: bool
    """Gets a daemon instance of its own."""
    start: Start
    quiet: bool
    """Nothing else runs on the machine meanwhile."""
    deadline: float
    """Seconds on a calm machine; a hang is a failed check."""
    evidence: str | None
    """The bug report or the section of a standard behind it."""
    function: Callable[..., Any]
    profile: str = ""
    """The profile that it was loaded for; empty as declared."""
    clauses: tuple[Clause, ...] = ()
    """Those of `clause_ids`, as the profile words them; empty as declared."""

    @property
    def actor(self) -> Actor:
        """What the function is given."""
        return _actor(self.function)


REGISTRY: dict[str, dict[str, Scenario]] = {}
"""Every scenario that was imported, by module and name."""


def scenario(
    *,
    clause: str | tuple[str, ...],
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
) -> Callable[[F], F]:
    """Declare the decorated function a scenario of the catalog that it stands in.

    The module's last name is the category. A profile that has the catalog looks the
    clauses up when it loads it. Raises ValueError, naming the function, for a missing
    description, a name that is taken, or a parameter that no Actor has.
    """
    clauses = (clause,) if isinstance(clause, str) else clause

    def declare(function: F) -> F:
        module, name = function.__module__, function.__name__
        where = f"{module}.{name}"
        description = inspect.getdoc(function)
        if not description:
            raise ValueError(f"{where}: a scenario's docstring is its description; it has none")
        declared = REGISTRY.setdefault(module, {})
        if name in declared:
            raise ValueError(f"{where}: the name {name!r} is taken")
        _actor(function)
        if pattern is not None and script is not None:
            raise ValueError(f"{where}: give it a pattern or a script, not both")
        if start is not None and not alone:
            raise ValueError(f"{where}: start=… asks for an instance of its own: say alone=True")
        declared[name] = Scenario(
            name=name,
            category=module.rpartition(".")[2],
            description=description,
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
            function=function,
        )
        return function

    return declare


def _actor(function: Callable[..., Any]) -> Actor:
    names = list(inspect.signature(function).parameters)
    live = inspect.iscoroutinefunction(function)
    for actor in Actor:
        if names == [actor.value] and live == (actor is not Actor.RESPONSE):
            return actor
    raise ValueError(
        f"{function.__module__}.{function.__name__}: a scenario is `def name(response)`, `async "
        f"def name(exchange)`, `… name(chat)` or `… name(bench)`; this one takes {names}"
    )
