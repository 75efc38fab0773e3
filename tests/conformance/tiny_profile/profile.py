"""The profile `echo`."""

from __future__ import annotations

from conformance import Profile
from conformance.core.clause import Clause, Level
from conformance.core.finding import FindingKind
from conformance.core.reach import Reach
from tiny_profile import catalog
from tiny_profile.bench import EchoBench

PROFILE = Profile(
    name="echo",
    clauses=(
        Clause("T1", Level.MUST, "return each line as it came"),
        Clause("T2", Level.SHOULD, "serve several connections"),
    ),
    catalogs=(catalog,),
    reach=Reach(schemes=("tcp",)),
    bench=EchoBench,
    blame={FindingKind.NOT_SERVED: "T1", FindingKind.DIED: "T2"},
)
