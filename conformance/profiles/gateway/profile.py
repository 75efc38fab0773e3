"""The profile `gateway`: HTTP servers that relay an OpenAI-compatible streaming API."""

from __future__ import annotations

from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.base import Profile
from conformance.profiles.gateway import catalog
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.gateway.clauses import CLAUSES
from conformance.profiles.relay import catalog as relay_catalog
from conformance.profiles.relay.blame import BLAME

PROFILE = Profile(
    name="gateway",
    clauses=CLAUSES,
    catalogs=(relay_catalog, catalog),
    reach=Reach(schemes=("http", "https")),
    bench=GatewayBench,
    blame={
        **BLAME,
        FindingKind.NOT_SERVED: "R1",
        FindingKind.NOT_TAKEN: "U1",
        FindingKind.HELD: "L4",
    },
    renamed={"H10": "L4"},
    implied=frozenset({"body", "format=openai"}),
    concurrency=24,
    timed=frozenset({"R7", "R8", "U5", "U6", "U7", "L2"}),
    relays=True,
)
