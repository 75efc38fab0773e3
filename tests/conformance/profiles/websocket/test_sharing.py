"""Shared scenarios: one coroutine, a name and clauses in each catalog."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from conformance.core.scenario import Start, declared_in
from conformance.profiles.registry import profile_named
from conformance.profiles.websocket.sharing import shared


@shared(needs=("mock",), alone=True, start=Start(options={"limit": "1"}), evidence="a bug report")
async def sample(chat: object) -> None:
    """The backend answers."""


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An empty catalog module."""
    module = ModuleType("some_profile.catalog.odd")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_each_declaration_is_a_scenario_of_its_own_module(catalog: ModuleType) -> None:
    sample.declare(catalog.__name__, "first", "X1", "X2", needs=("more",))
    sample.declare(catalog.__name__, "second", "X3")
    first, second = declared_in(catalog)
    assert (first.name, first.category, first.clause_ids) == ("first", "odd", ("X1", "X2"))
    assert (first.needs, second.needs) == (("mock", "more"), ("mock",))
    assert (second.name, second.clause_ids, second.alone) == ("second", ("X3",), True)
    assert first.description == second.description == "The backend answers."
    assert first.function is not second.function


def test_a_name_is_declared_once(catalog: ModuleType) -> None:
    sample.declare(catalog.__name__, "first", "X1")
    with pytest.raises(ValueError, match="'first' is taken"):
        sample.declare(catalog.__name__, "first", "X1")


@pytest.mark.parametrize("profile", ["rpc-chat", "agent-chat"])
def test_profiles_judge_rfc_6455_under_clauses_of_their_own(profile: str) -> None:
    cited = {
        clause.sentence
        for scenario in profile_named(profile).scenarios
        if scenario.category == "websocket"
        for clause in scenario.clauses
    }
    assert sum("RFC 6455" in sentence for sentence in cited) == 4
