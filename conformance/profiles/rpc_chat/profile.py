"""The profile `rpc-chat`: roleplay engines over WebSocket."""

from __future__ import annotations

from conformance.core.capability import Capability, Vocabulary
from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.base import Profile
from conformance.profiles.rpc_chat import catalog
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.rpc_chat.clauses import CLAUSES
from conformance.profiles.rpc_chat.load import clients
from conformance.profiles.websocket import first_probe

PROFILE = Profile(
    name="rpc-chat",
    clauses=CLAUSES,
    catalogs=(catalog,),
    reach=Reach(schemes=("ws", "wss"), path="/ws/rpc"),
    bench=RpcBench,
    first_probe=first_probe.probe,
    vocabulary=Vocabulary(
        capabilities={
            "rules": Capability("the engine has some"),
            "start_message": Capability("of the chosen world: `darkwood`, or the first"),
            "thinking": Capability("it announces answers"),
            "shared_stages": Capability("connections to `/ws/rpc?stage=NAME` share a stage"),
        },
        options={"model_timeout": "seconds until a silent model fails the answer"},
    ),
    blame={
        FindingKind.NOT_SERVED: "RC1",
        FindingKind.UNREADABLE: "RC1",
        FindingKind.DIED: "RC17",
        FindingKind.TEXT: "RC18",
        FindingKind.REQUEST: "RC24",
        FindingKind.RUNS_ON: "RC30",
        FindingKind.NO_PONG: "RC40",
        FindingKind.UNBOUNDED: "RC43",
        FindingKind.OVERSIZE: "RC44",
        FindingKind.NOT_PINGED: "RC46",
    },
    load=clients,
)
