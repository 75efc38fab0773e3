"""The profile `agent-chat`: support chats over WebSocket."""

from __future__ import annotations

from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.agent_chat import catalog
from conformance.profiles.agent_chat.clauses import CLAUSES, UNTESTABLE
from conformance.profiles.agent_chat.client import AgentBench
from conformance.profiles.agent_chat.load import clients
from conformance.profiles.base import Profile

PROFILE = Profile(
    name="agent-chat",
    clauses=CLAUSES,
    catalogs=(catalog,),
    reach=Reach(schemes=("ws", "wss"), path="/ws"),
    bench=AgentBench,
    blame={FindingKind.NOT_SERVED: CLAUSES[0].id, FindingKind.DIED: "AC44"},
    load=clients,
    untestable=UNTESTABLE,
)
