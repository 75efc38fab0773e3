"""Websites whose spaces are served by remote apps: every scenario on every variant."""

from conformance.pytest_plugin.plugin import Judge
from conformance.running.selection import Case

PROFILE = "spaces"


def test_spaces(case: Case, judge: Judge) -> None:
    judge.report(case)
