"""The profile `rpc-chat`: roleplay engines over WebSocket."""

from __future__ import annotations

from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.base import Profile
from conformance.profiles.rpc_chat import catalog
from conformance.profiles.rpc_chat.clauses import CLAUSES, UNTESTABLE
from conformance.profiles.rpc_chat.client import RpcBench
from conformance.profiles.rpc_chat.load import clients

PROFILE = Profile(
    name="rpc-chat",
    clauses=CLAUSES,
    catalogs=(catalog,),
    reach=Reach(schemes=("ws", "wss"), path="/ws/rpc"),
    bench=RpcBench,
    blame={FindingKind.NOT_SERVED: CLAUSES[0].id, FindingKind.DIED: "RC17"},
    load=clients,
    untestable=UNTESTABLE,
)
