"""One check for chats and users: clauses, kinds, and how a value is shown."""

from __future__ import annotations

import pytest

from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.profiles.websocket.checking import LONGEST, OWN, Checking, shown


class Judge(Checking):
    """Notes in a list."""

    def __init__(self) -> None:
        self.noted: list[Finding] = []
        super().__init__(self._keep)

    def _keep(self, finding: Finding) -> Finding:
        self.noted.append(finding)
        return finding

    def where(self, actual: object) -> str:
        return "here"


def test_a_check_that_holds_notes_nothing() -> None:
    judge = Judge()
    assert judge.check(True, "name", expected="a", actual="b")
    judge.require(True, "name", expected="a", actual="b")
    assert judge.noted == []


@pytest.mark.parametrize(("clause", "cited"), [("RC4", "RC4"), (OWN, None), (None, None)])
def test_a_finding_cites_a_clause_only_where_it_is_given(
    clause: str | None, cited: str | None
) -> None:
    judge = Judge()
    kind = FindingKind.NO_PONG
    assert not judge.check(False, "name", expected="a", actual={"b": 1}, clause=clause, kind=kind)
    assert judge.noted == [Finding("name", "a", '{"b": 1}', "here", cited, kind)]


def test_a_requirement_that_fails_ends_the_scenario() -> None:
    judge = Judge()
    with pytest.raises(ScenarioStopped) as stopped:
        judge.require(False, "name", expected="a", actual="b")
    assert judge.noted == [stopped.value.finding]


@pytest.mark.parametrize("value", ["x" * (LONGEST + 1), "a\x1b[31mb"])
def test_long_and_unprintable_text_is_quoted(value: str) -> None:
    text = shown(value)
    assert text != value
    assert text.isprintable()
