"""Customer support over WebSocket: every scenario on every variant."""

from conformance.pytest_plugin.plugin import Judge
from conformance.running.selection import Case

PROFILE = "agent-chat"


def test_agent_chat(case: Case, judge: Judge) -> None:
    judge.report(case)
