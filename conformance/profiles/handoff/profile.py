"""The profile `handoff`: daemons that receive a client's socket from a web server."""

from __future__ import annotations

from conformance.core.capability import Capability, Vocabulary, choice
from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.base import Profile
from conformance.profiles.handoff import catalog
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.clauses import CLAUSES, UNTESTABLE
from conformance.profiles.relay import catalog as relay_catalog
from conformance.profiles.relay import first_probe
from conformance.profiles.relay.blame import BLAME
from conformance.profiles.relay.load import crowd
from conformance.profiles.relay.vocabulary import CAPABILITIES, OPTIONS

PROFILE = Profile(
    name="handoff",
    clauses=CLAUSES,
    catalogs=(
        relay_catalog,
        catalog,
    ),
    reach=Reach(),
    bench=HandoffBench,
    first_probe=first_probe.probe,
    vocabulary=Vocabulary(
        capabilities={
            "format": choice("the format of its answers", "simple", "openai"),
            "body": Capability("it merges the handoff's `body` into the API's request"),
            **CAPABILITIES,
        },
        options={
            **OPTIONS,
            "handoff_timeout": "seconds until a handoff must be complete",
            "socket_mode": "the mode of its socket's file, as `0660`",
            "format": "the format of its answers",
        },
    ),
    blame={
        **BLAME,
        FindingKind.NOT_SERVED: "H1",
        FindingKind.NOT_TAKEN: "H2",
        FindingKind.HELD: "H10",
    },
    serving=frozenset(["H1", "H2", "H4", "H5", "H7", "L1", "L2", "L3", "L4", "R8", "U3", "U9"]),
    concurrency=24,
    timed=frozenset({"H7", "R7", "R8", "U5", "U6", "U7", "L2"}),
    relays=True,
    load=crowd(HandoffBench),
    untestable=UNTESTABLE,
)
