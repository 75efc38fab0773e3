"""The profile `agent-chat`: support chats over WebSocket."""

from __future__ import annotations

from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.agent_chat import catalog
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.agent_chat.clauses import CLAUSES
from conformance.profiles.agent_chat.load import clients
from conformance.profiles.agent_chat.vocabulary import VOCABULARY
from conformance.profiles.base import Profile
from conformance.profiles.websocket import first_probe

PROFILE = Profile(
    name="agent-chat",
    clauses=CLAUSES,
    catalogs=(catalog,),
    reach=Reach(schemes=("ws", "wss"), path="/ws"),
    bench=AgentBench,
    first_probe=first_probe.probe,
    vocabulary=VOCABULARY,
    blame={
        FindingKind.NOT_SERVED: "AC1",
        FindingKind.UNREADABLE: "AC1",
        FindingKind.REQUEST: "AC2",
        FindingKind.TEXT: "AC3",
        FindingKind.RUNS_ON: "AC30",
        FindingKind.NO_PONG: "AC41",
        FindingKind.OVERSIZE: "AC43",
        FindingKind.DIED: "AC44",
        FindingKind.NOT_PINGED: "AC47",
        FindingKind.UNBOUNDED: "AC48",
    },
    # Such a backend computes for a tenth of a second on each message.
    concurrency=8,
    slot=2.0,
    load=clients,
)
