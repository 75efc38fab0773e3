"""HTTP servers that relay a stream: every scenario on every variant."""

from conformance.pytest_plugin.plugin import Judge
from conformance.running.selection import Case

PROFILE = "gateway"


def test_gateway(case: Case, judge: Judge) -> None:
    judge.report(case)
