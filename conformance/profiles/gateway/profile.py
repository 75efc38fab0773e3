"""The profile `gateway`: HTTP servers that relay an OpenAI-compatible streaming API."""

from __future__ import annotations

from conformance.core.capability import Capability, Vocabulary, choice, names, number
from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.base import Profile
from conformance.profiles.gateway import catalog, first_probe
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.gateway.clauses import CLAUSES
from conformance.profiles.relay import catalog as relay_catalog
from conformance.profiles.relay.blame import BLAME
from conformance.profiles.relay.load import crowd
from conformance.profiles.relay.vocabulary import CAPABILITIES, OPTIONS

PROFILE = Profile(
    name="gateway",
    clauses=CLAUSES,
    catalogs=(relay_catalog, catalog),
    reach=Reach(schemes=("http", "https")),
    bench=GatewayBench,
    first_probe=first_probe.probe,
    blame={
        **BLAME,
        FindingKind.NOT_SERVED: "R1",
        FindingKind.NOT_TAKEN: "U1",
        FindingKind.HELD: "L4",
    },
    serving=frozenset(["R8", "U3", "U9", "L2", "L3", "L4", "G1", "G2", "G4", "G7"]),
    renamed={"H10": "L4"},
    implied=frozenset({"body", "format=openai"}),
    concurrency=24,
    timed=frozenset({"R7", "R8", "U5", "U6", "U7", "L2"}),
    relays=True,
    vocabulary=Vocabulary(
        capabilities={
            "relay": choice("the class", "bytes", "events"),
            **CAPABILITIES,
            "key": choice(
                "whether the API receives the client's key, or one of the gateway's own",
                *("pass", "own"),
            ),
            "rewrites": choice(
                "fields of a chunk, or of the request, that it changes; `body`: it writes the "
                "request's JSON anew, so values are compared in place of bytes",
                *("id", "created", "model", "role", "nulls", "body"),
            ),
            "adds": names("fields that it adds to the request"),
            "retries": number("how often it sends a failed request again"),
            "client": choice(
                "what it speaks to its clients; the first is used for the shared scenarios",
                *("h1", "h2"),
            ),
            "idle": number("seconds of silence after which it ends a stream"),
            "disconnect": choice(
                "whether an answer is cancelled when its client leaves, or runs on",
                *("cancel", "drain"),
            ),
            "breaker": Capability("it refuses requests after others have failed"),
        },
        options=OPTIONS,
    ),
    load=crowd(GatewayBench),
)
