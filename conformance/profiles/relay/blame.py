"""The clauses that a finding breaks in every profile that relays one stream to one client.

R is the response, U the upstream, L the lifecycle. The ids are the same in each
such contract; a profile adds the kinds that it words under an id of its own.
"""

from __future__ import annotations

from conformance.core.finding import FindingKind

BLAME = {
    FindingKind.DIED: "L4",
    FindingKind.FULL: "L3",
    FindingKind.HEAD: "R1",
    FindingKind.EVENTS: "R2",
    FindingKind.TEXT: "R3",
    FindingKind.DONE: "R4",
    FindingKind.ERROR_ANSWER: "R5",
    FindingKind.ERROR_EVENT: "R6",
    FindingKind.LATE: "R7",
    FindingKind.NOT_ENDED: "R8",
    FindingKind.REQUEST: "U1",
    FindingKind.RUNS_ON: "U5",
    FindingKind.REPEATED: "U8",
}
