"""The profile `spaces`: websites whose spaces are served by remote apps."""

from __future__ import annotations

from conformance.core.capability import Vocabulary, choice
from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from conformance.profiles.base import Profile
from conformance.profiles.spaces import catalog
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.clauses import CLAUSES
from conformance.profiles.spaces.load import clients

PROFILE = Profile(
    name="spaces",
    clauses=CLAUSES,
    catalogs=(catalog,),
    reach=Reach(schemes=("http", "https"), path="/"),
    bench=SpacesBench,
    vocabulary=Vocabulary(
        capabilities={"account": choice("the account that it follows", "guide", "code")},
        options={
            "quota": "requests that a user of the standard plan may make",
            "cooldown": "seconds between two requests of a user",
            "request_timeout": "seconds until a request fails",
            "ping_interval": "seconds between two pings to an app",
            "ping_timeout": "seconds until a silent app is lost",
            "max_upload": "bytes of the largest file",
        },
    ),
    blame={FindingKind.NOT_SERVED: "SP35", FindingKind.DIED: "SP31"},
    # A website spends 20 ms of its processor on each password: with more scenarios at a time,
    # all of them come near their deadlines on a busy machine.
    concurrency=6,
    slot=4.0,
    load=clients,
    load_times=("given to the app", "result"),
)
