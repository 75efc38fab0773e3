"""Scenarios that several profiles share: one coroutine, declared in each profile's catalog.

A profile gives it a name and clauses of its own:

    rfc6455.invalid_utf8.declare(__name__, "ws_invalid_utf8", "RC38")
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from conformance.core.scenario import Start, scenario


@dataclass(frozen=True, slots=True)
class Shared:
    """A scenario without a name, a profile and clauses."""

    function: FunctionType
    needs: tuple[str, ...]
    alone: bool
    start: Start | None
    evidence: str | None

    def declare(
        self,
        module: str,
        name: str,
        *clauses: str,
        needs: tuple[str, ...] = (),
        alone: bool = False,
    ) -> None:
        """Add it to this catalog module. needs: capabilities in addition to its own.

        Raises ValueError for a name that the module has already.
        """
        if hasattr(sys.modules[module], name):
            raise ValueError(f"{module}: the name {name!r} is taken; choose another one")
        function = self.function
        copy = FunctionType(
            function.__code__, function.__globals__, name, None, function.__closure__
        )
        copy.__module__, copy.__qualname__, copy.__doc__ = module, name, function.__doc__
        scenario(
            clause=clauses,
            needs=self.needs + needs,
            alone=self.alone or alone,
            start=self.start,
            evidence=self.evidence,
        )(copy)
        setattr(sys.modules[module], name, copy)


def shared(
    *,
    needs: tuple[str, ...] = (),
    alone: bool = False,
    start: Start | None = None,
    evidence: str | None = None,
) -> Callable[[Callable[..., Any]], Shared]:
    """Make the decorated coroutine a shared scenario; its docstring is the description."""

    def decorate(function: Callable[..., Any]) -> Shared:
        assert isinstance(function, FunctionType)
        return Shared(function, needs, alone, start, evidence)

    return decorate
