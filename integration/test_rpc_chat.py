"""Roleplay engines over WebSocket: every scenario on every variant."""

from conformance.pytest_plugin.plugin import Judge
from conformance.running.selection import Case

PROFILE = "rpc-chat"


def test_rpc_chat(case: Case, judge: Judge) -> None:
    judge.report(case)
