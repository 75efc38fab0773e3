"""Daemons that are handed a client's socket: every scenario on every variant."""

from conformance.pytest_plugin.plugin import Judge
from conformance.running.selection import Case

PROFILE = "handoff"


def test_handoff(case: Case, judge: Judge) -> None:
    judge.report(case)
